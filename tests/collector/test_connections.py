"""Slow and many clients of a listener: each part of a request has its time, and the next one finds room."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from agenttrace_collector.config.sections import Tls
from agenttrace_collector.server.connections import ConnectionLimits, Connections, Phase
from tests.support.listener import BIG, GET, app, held, listening, post


@pytest.mark.parametrize("partial", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX: ", GET[:-1]])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_headers_have_their_time_in_every_request(before: int, partial: bytes) -> None:
    """Also after complete ones on the same connection; nothing at all is waited for between requests only."""

    async def play() -> None:
        async with listening(header_seconds=0.1) as live:
            client = await live.connect()
            for _ in range(before):
                await client.ask()
            client.writer.write(partial)
            if before and not partial:
                assert await client.ask() == b"0"
            else:
                assert await client.is_closed()
                assert live.closed() == {"headers": 1}

    asyncio.run(play())


def test_headers_that_drip_get_no_more_time() -> None:
    """The clock starts with the first byte and no later one."""

    async def play() -> None:
        async with listening(header_seconds=0.2) as live:
            client = await live.connect(b"GET / HTTP/1.1\r\nX: ")
            with suppress(ConnectionError):
                while not client.reader.at_eof():
                    client.writer.write(b"x")
                    await client.writer.drain()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(client.reader.read(1), 0.02)
            assert live.closed() == {"headers": 1}

    asyncio.run(play())


def test_a_pipelined_request_has_its_time_from_the_answer_before() -> None:
    """What came of it with the first one does not hide it."""

    async def play() -> None:
        async with listening(header_seconds=0.1) as live:
            client = await live.connect()
            assert await client.ask(GET + GET[:10]) == b"0"
            assert await client.is_closed()

    asyncio.run(play())


@pytest.mark.parametrize("sent", [0, 10])
def test_a_body_below_the_rate_is_given_up(sent: int) -> None:
    """Whether some of it came or none."""

    async def play() -> None:
        async with listening(body_seconds=0.1, body_bytes_a_second=10_000) as live:
            client = await live.connect(post("/", 1000) + bytes(sent))
            assert await client.is_closed()
            assert live.closed() == {"body": 1}

    asyncio.run(play())


def test_a_body_at_the_rate_may_take_long() -> None:
    """Longer than one that does not arrive at all."""

    async def play() -> None:
        async with listening(body_seconds=0.05, body_bytes_a_second=1000) as live:
            client = await live.connect(post("/", 1000))
            for _ in range(10):
                client.writer.write(bytes(99))
                await asyncio.sleep(0.03)
            assert await client.ask(bytes(10)) == b"1000"
            assert not live.closed()

    asyncio.run(play())


@pytest.mark.parametrize("limits", [{"unread_seconds": 0.1}, {"unread_bytes": 4 * 1024 * 1024}])
def test_what_follows_an_early_answer_is_not_taken_for_ever(limits: dict[str, float]) -> None:
    """The client has its answer; the rest of its body may take some time, or some bytes."""

    async def play() -> None:
        async with listening(None, app, **limits) as live:
            client = await live.connect()
            assert await client.ask(post("/early", BIG)) == b"0"
            if "unread_bytes" in limits:
                client.writer.write(bytes(BIG))
            assert await client.is_closed()

    asyncio.run(play())


def test_a_body_that_ends_soon_after_an_early_answer_keeps_the_connection() -> None:
    """A client that had sent it already asks on."""

    async def play() -> None:
        async with listening() as live:
            client = await live.connect()
            assert await client.ask(post("/early", 200_000)) == b"0"
            client.writer.write(bytes(200_000))
            assert await client.ask() == b"0"

    asyncio.run(play())


def test_an_answer_that_is_not_taken_is_given_up() -> None:
    """One that is taken slowly is not."""

    async def play() -> None:
        async with listening(stalled_seconds=1.0, body_bytes_a_second=1) as live:
            stalled = await live.connect(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
            stalled.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's
            slow = await live.connect()
            assert len(await slow.ask(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")) == BIG
            await held(lambda: bool(live.closed()))
            assert live.closed() == {"answer": 1}

    asyncio.run(play())


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tls, trustme.CA]:
    """A certificate for localhost, and who issued it."""
    directory: Path = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(directory / "server.crt")
    certificate.private_key_pem.write_to_path(directory / "server.key")
    return Tls(cert_file=directory / "server.crt", key_file=directory / "server.key"), authority


@pytest.mark.parametrize("hello", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a_handshake_has_the_time_of_headers(certified: tuple[Tls, trustme.CA], hello: bytes) -> None:
    """Another client shakes hands meanwhile."""

    async def play() -> None:
        context = ssl.create_default_context()
        certified[1].configure_trust(context)
        async with listening(certified[0], header_seconds=0.3) as live:
            silent = await live.connect(hello)
            polite = await live.connect(context=context)
            assert await polite.ask() == b"0"
            assert await silent.is_closed()
            assert live.connections.count == 1
            polite.writer.close()

    asyncio.run(play())


def test_what_is_no_handshake_leaves_nothing_behind(certified: tuple[Tls, trustme.CA]) -> None:
    """Neither a connection nor a task that failed unseen."""

    async def play() -> None:
        async with listening(certified[0]) as live:
            assert await (await live.connect(GET)).is_closed()
            assert live.connections.count == 0

    asyncio.run(play())


@pytest.mark.parametrize("waiting", [b"", b"GET / HTT", GET, post("/", 10), post("/early", 10)])
def test_a_new_connection_finds_room(waiting: bytes) -> None:
    """Whatever the others wait for, the one that waited longest makes room."""

    async def play() -> None:
        async with listening(most=8) as live:
            clients = [await live.connect(waiting) for _ in range(8)]
            await held(lambda: live.connections.count == 8)
            for _ in range(20):
                newcomer = await live.connect()
                assert await newcomer.ask() == b"0"
            assert live.connections.count == 8
            assert live.closed() == {"room": 20}
            assert await clients[0].is_closed() or waiting in {GET, post("/early", 10)}

    asyncio.run(play())


def test_those_that_send_no_headers_go_first() -> None:
    """Then who has waited longest, for the next request or for the rest of this one's body."""

    async def play() -> None:
        async with listening(most=3) as live:
            body, idle = await live.connect(post("/", 1)), await live.connect()
            await idle.ask()
            partial = await live.connect(b"GET")
            newcomer = await live.connect()
            await newcomer.ask()
            assert await partial.is_closed()
            await (await live.connect()).ask()
            assert await body.is_closed()
            await (await live.connect()).ask()
            assert await idle.is_closed()

    asyncio.run(play())


def test_many_that_send_no_headers_do_not_end_one_between_requests() -> None:
    """However fast they come: they make room among themselves."""

    async def play() -> None:
        async with listening(most=8, spared_seconds=0.05) as live:
            idle = await live.connect()
            await idle.ask()
            for _ in range(40):
                await live.connect(b"GET")
            await held(lambda: live.closed().get("room", 0) > 20)
            assert await idle.ask() == b"0"

    asyncio.run(play())


def test_a_connection_has_a_moment_before_it_makes_room() -> None:
    """So that many new ones do not end each other."""

    async def play() -> None:
        async with listening(most=4, spared_seconds=0.1) as live:
            clients = [await live.connect() for _ in range(12)]
            assert await asyncio.gather(*(client.ask() for client in clients)) == [b"0"] * 12

    asyncio.run(play())


def test_work_under_way_is_not_given_up() -> None:
    """A new connection waits until there is room."""

    async def play() -> None:
        async with listening(most=2) as live:
            busy = [await live.connect(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(2)]
            late = asyncio.create_task((await live.connect()).ask())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(late), 0.1)
            busy[0].writer.close()
            assert await late == b"0"

    asyncio.run(play())


class _Working:
    """A connection that is never given up."""

    def is_overdue(self, waited: float, passed: float) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def abort(self) -> None:
        raise AssertionError


@pytest.mark.parametrize("turns", range(8))
def test_waiting_for_room_can_be_cancelled_while_connections_leave(turns: int) -> None:
    """At whichever turn of the loop the end comes: a listener that goes on accepting never stops."""

    async def cancelled() -> bool:
        connections = Connections(ConnectionLimits(most=1))
        first, second = _Working(), _Working()
        connections.enter(first, Phase.ANSWER)
        waiting = asyncio.create_task(connections.make_room())
        for _ in range(5):
            await asyncio.sleep(0)
        connections.leave(first)
        connections.enter(second, Phase.ANSWER)
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting], timeout=1)
        connections.leave(second)
        return waiting.cancelled()

    assert asyncio.run(cancelled())
