"""Bodies of requests to the API: nobody's is read before it is known whose it is, nor more than a little of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agenttrace_collector.query.backends import NullReader
from agenttrace_collector.server.auth import Authenticator
from tests.support.api import application, described
from tests.support.listener import listening

TOKENS = """tokens:
  - {token: operates, role: operator}
  - {token: reads, role: read}
"""
CHUNKED = "transfer-encoding: chunked"
HUGE = "content-length: 734003200"


@pytest.fixture(scope="module")
def authenticator(tmp_path_factory: pytest.TempPathFactory) -> Authenticator:
    """Knows an operator and a reader."""
    file: Path = tmp_path_factory.mktemp("tokens") / "tokens.yaml"
    file.write_text(TOKENS)
    return Authenticator.from_file(file)


POSTS = [path for path, methods in described()["paths"].items() if "post" in methods]


@pytest.mark.parametrize("length", [HUGE, CHUNKED])
@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(("token", "status"), [("", 401), ("unknown", 401), ("reads", 403)])
def test_a_stranger_is_answered_before_the_body(
    authenticator: Authenticator, length: str, path: str, token: str, status: int
) -> None:
    """Nothing of it is waited for, on any path that the API describes; what still comes is not kept."""

    async def play() -> None:
        served = application(NullReader(), authenticator=authenticator)
        async with listening(served=served, unread_bytes=1024 * 1024) as live:
            client = await live.connect()
            await client.ask(headers(path, length, token), status)
            if length == HUGE:
                client.writer.write(b" " * 4 * 1024 * 1024)
                assert await client.is_closed()

    asyncio.run(play())


def test_an_operator_is_read_a_little_of(authenticator: Authenticator) -> None:
    """By what is announced, and by what comes."""

    async def play() -> None:
        async with listening(served=application(NullReader(), authenticator=authenticator)) as live:
            announced = await live.connect()
            await announced.ask(headers("/v1/purge", HUGE, "operates"), 413)
            endless = await live.connect()
            chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
            await endless.ask(headers("/v1/purge", CHUNKED, "operates") + 3 * chunk, 413)
            small = await live.connect()
            await small.ask(headers("/v1/purge", "content-length: 2", "operates") + b"{}", 422)

    asyncio.run(play())


def headers(path: str, length: str, token: str) -> bytes:
    """A POST up to its body."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json", length]
    lines += [f"authorization: Bearer {token}"] * bool(token)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
