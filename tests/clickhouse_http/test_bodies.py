"""Statements that do not arrive: they hold neither a place nor memory that others need."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.server.auth import Authenticator
from agenttrace_collector.sql_endpoint.app import Sql, build_sql_app
from tests.support.database import engine
from tests.support.listener import held, listening

LARGE = 200_000
SMALL = b"SELECT 1"
TOKENS = "tokens: [{token: operates, role: admin}]"


@pytest.fixture
def sql() -> Iterator[Sql]:
    """Over the tests' engine."""
    opened = Sql(ClickHouse(engine(), "default"), "default", Authenticator())
    yield opened
    opened.close()


def posted(length: int, token: str = "") -> bytes:
    """A POST up to its body."""
    lines = ["POST / HTTP/1.1", "host: localhost", f"content-length: {length}"]
    lines += [f"authorization: Bearer {token}"] * bool(token)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_large_statements_that_do_not_arrive_leave_room_for_small_ones(sql: Sql) -> None:
    """There are places for a few; one more is asked to come later, and when one ends its place is free."""

    async def play() -> None:
        async with listening(served=build_sql_app(sql)) as live:
            stalled = [await live.connect(posted(LARGE) + bytes(LARGE - 1)) for _ in range(8)]
            empty = [await live.connect(posted(10)) for _ in range(40)]
            await held(sql.large_bodies.locked)
            await (await live.connect()).ask(posted(LARGE) + b" " * LARGE, 429)
            assert await (await live.connect()).ask(posted(len(SMALL)) + SMALL) == b"1\n"
            stalled[0].writer.transport.abort()
            await held(lambda: not sql.large_bodies.locked())
            statement = SMALL + b" " * (LARGE - len(SMALL))
            assert await (await live.connect()).ask(posted(LARGE) + statement) == b"1\n"
            assert len(empty) == 40

    asyncio.run(asyncio.wait_for(play(), 30))


def test_a_stranger_is_answered_before_the_body(sql: Sql, tmp_path: Path) -> None:
    """None of it is waited for."""
    (tmp_path / "tokens.yaml").write_text(TOKENS)
    sql.authenticator.reload(tmp_path / "tokens.yaml")

    async def play() -> None:
        async with listening(served=build_sql_app(sql)) as live:
            for token in ("", "unknown"):
                await (await live.connect()).ask(posted(LARGE, token), 401)
            client = await live.connect()
            assert await client.ask(posted(len(SMALL), "operates") + SMALL) == b"1\n"

    asyncio.run(asyncio.wait_for(play(), 30))
