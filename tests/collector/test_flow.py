"""Flow control: limits on requests and memory, and that nothing waits without end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agenttrace_collector.errors import CollectorError, Throttled, Unavailable
from agenttrace_collector.receivers.admission import AdmissionController, Limits

PATIENCE = 0.05
TENANT = "one"


class Memory:
    """A process whose memory a test sets."""

    def __init__(self, used: int = 0) -> None:
        self.used = used

    def __call__(self) -> int:
        """The memory in use."""
        return self.used


def flow(memory: Memory, requests: int = 2) -> AdmissionController:
    """Limits of 800 and 1,000 bytes."""
    return AdmissionController(Limits(requests, 800, 1000), resident=memory, patience=PATIENCE)


async def refusal(attempt: Callable[[], Awaitable[None]]) -> CollectorError:
    """What an attempt is refused with."""
    with pytest.raises(CollectorError) as caught:
        await attempt()
    return caught.value


def test_a_place_is_waited_for_and_then_refused() -> None:
    """A third request of two waits a moment; when one ends in time it gets its place."""

    async def scenario() -> None:
        limited = flow(Memory())

        async def one() -> None:
            async with limited.admit(TENANT):
                pass

        async with limited.admit(TENANT):
            async with limited.admit(TENANT):
                assert isinstance(await refusal(one), Throttled)
            await one()

    asyncio.run(scenario())


def test_over_the_soft_limit_nothing_new_is_admitted() -> None:
    """Until memory is under it again."""

    async def scenario() -> None:
        memory = Memory(800)
        limited = flow(memory)

        async def one() -> None:
            async with limited.receiving(TENANT):
                pass

        assert isinstance(await refusal(one), Throttled)
        memory.used = 799
        await one()

    asyncio.run(scenario())


def test_over_the_soft_limit_a_tenant_is_admitted_while_others_hold_the_memory() -> None:
    """One that holds less than its share, up to the hard limit; the others wait."""

    async def scenario() -> None:
        memory = Memory(100)
        limited = flow(memory)

        async def begin(tenant: str) -> None:
            async with limited.receiving(tenant):
                pass

        async with limited.receiving("initech") as body:
            await limited.grow(body, 50)
            memory.used = 900
            await begin("acme")
            assert isinstance(await refusal(lambda: begin("initech")), Throttled)
            memory.used = 1_000
            assert isinstance(await refusal(lambda: begin("acme")), Throttled)
        memory.used = 900
        assert isinstance(await refusal(lambda: begin("acme")), Throttled)

    asyncio.run(scenario())


def test_bodies_get_room_by_their_size() -> None:
    """One alone always does; a second waits until the first is decoded."""

    async def scenario() -> None:
        limited = flow(Memory(300))

        async def second() -> None:
            async with limited.reserve(50, TENANT):
                pass

        async with limited.reserve(10_000, TENANT):
            assert isinstance(await refusal(second), Throttled)
        async with limited.reserve(10, TENANT):
            await second()

    asyncio.run(scenario())


def test_a_slow_body_is_given_up() -> None:
    """The sender may try again."""

    async def scenario() -> None:
        limited = flow(Memory())

        async def read() -> None:
            async with limited.receiving(TENANT) as body, limited.receive(body, 0.01):
                await asyncio.Event().wait()

        error = await refusal(read)
        assert isinstance(error, Unavailable)
        assert not isinstance(error, Throttled)

    asyncio.run(scenario())


def test_over_the_hard_limit_bodies_are_cut_off() -> None:
    """Those that are still arriving; what they hold is given back."""

    async def scenario() -> None:
        memory = Memory()
        limited = flow(memory)
        watching = asyncio.create_task(limited.watch(0.001))

        async def read() -> None:
            async with limited.receiving(TENANT) as body, limited.receive(body, 30):
                memory.used = 1000
                await asyncio.Event().wait()

        assert isinstance(await refusal(read), Throttled)
        watching.cancel()

    asyncio.run(scenario())


def shared(memory: Memory, patience: float = PATIENCE) -> AdmissionController:
    """Limits of 800 and 960 bytes, bodies of at most 100: 20 bytes are always there for a tenant."""
    return AdmissionController(Limits(64, 800, 960, body_bytes=100), resident=memory, patience=patience)


def test_what_one_holds_beyond_its_share_is_taken_back_for_another() -> None:
    """Bodies that still arrive, no more of them than it takes, and none of who needs the room."""

    async def scenario() -> None:
        memory = Memory(300)
        limited = shared(memory)
        cut: list[CollectorError] = []

        async def stall() -> None:
            try:
                async with limited.receiving("greedy") as body, limited.receive(body, 30):
                    await limited.grow(body, 50)
                    await asyncio.Event().wait()
            except CollectorError as error:
                memory.used -= 50
                cut.append(error)

        watching = asyncio.create_task(limited.watch(0.001))
        stalled = [asyncio.create_task(stall()) for _ in range(4)]
        await asyncio.sleep(0)
        async with limited.receiving("other") as body:
            memory.used = 860
            await limited.grow(body, 90)
        assert [type(error) for error in cut] == [Throttled, Throttled]
        for task in (watching, *stalled):
            task.cancel()

    asyncio.run(scenario())


def test_a_little_is_there_for_a_tenant_when_another_decodes_with_all_of_it() -> None:
    """A small body does not wait for a large one of somebody else, a large one does."""

    async def scenario() -> None:
        limited = shared(Memory(300))

        async def take(size: int) -> None:
            async with limited.reserve(size, "other"):
                pass

        async with limited.reserve(1_000, "greedy"):
            await take(2)
            assert isinstance(await refusal(lambda: take(3)), Throttled)

    asyncio.run(scenario())


def test_room_goes_first_to_who_uses_least() -> None:
    """Before what another tenant asked for earlier."""

    async def scenario() -> None:
        order = list[str]()
        limited = shared(Memory(100), 5)

        async def decode(tenant: str, ended: asyncio.Event) -> None:
            async with limited.reserve(50, tenant):
                order.append(tenant)
                await ended.wait()

        ended = [asyncio.Event() for _ in range(4)]
        names = ["greedy", "greedy", "greedy", "other"]
        tasks = [asyncio.create_task(decode(*each)) for each in zip(names, ended, strict=True)]
        await asyncio.sleep(0)
        assert order == ["greedy", "greedy"]
        ended[0].set()
        await asyncio.sleep(0.01)
        assert order == ["greedy", "greedy", "other"]
        for event in ended:
            event.set()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())


def test_one_body_of_each_tenant_goes_on_when_there_is_no_room_to_decode_more() -> None:
    """The first; a second one waits."""

    async def scenario() -> None:
        limited = shared(Memory(780))

        async def grow_beside() -> None:
            async with limited.receiving("one") as body:
                await limited.grow(body, 100)

        for tenant in ("one", "other"):
            async with limited.receiving(tenant) as body:
                await limited.grow(body, 50)
                await limited.grow(body, 50)
                if tenant == "one":
                    assert isinstance(await refusal(grow_beside), Throttled)

    asyncio.run(scenario())


async def expect(limited: AdmissionController, tenant: str) -> None:
    """Wait for a body that never comes."""
    async with limited.receiving(tenant) as body, limited.expecting(body), limited.receive(body, 30):
        await asyncio.Event().wait()


def test_over_the_soft_limit_bodies_that_do_not_show_their_size_are_cut_off() -> None:
    """Those that show it are not, until it is the hard limit."""

    async def scenario() -> None:
        memory = Memory(100)
        limited = shared(memory)
        watching = asyncio.create_task(limited.watch(0.001))
        unseen = asyncio.create_task(expect(limited, "one"))
        async with limited.receiving("other") as body, limited.receive(body, 30):
            await limited.grow(body, 10)
            memory.used = 800
            with pytest.raises(Throttled):
                await unseen
            assert body.clock is not None
            assert not body.clock.expired()
        watching.cancel()

    asyncio.run(scenario())


def test_a_body_that_never_comes_does_not_hold_up_its_tenant() -> None:
    """It is cut off when another of the tenant waits for the room that it holds."""

    async def scenario() -> None:
        limited = shared(Memory(100), 0.5)
        watching = asyncio.create_task(limited.watch(0.001))
        stalled = asyncio.create_task(expect(limited, TENANT))
        await asyncio.sleep(0)
        async with limited.receiving(TENANT) as body, limited.expecting(body):
            pass
        with pytest.raises(Throttled):
            await stalled
        watching.cancel()

    asyncio.run(scenario())
