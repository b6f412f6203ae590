"""The health endpoint: what it answers on each path, and what a failed commit is."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import NoReturn

import httpx
import pytest

from agenttrace_collector.errors import Unavailable
from agenttrace_collector.journal.counters import JournalCounters
from agenttrace_collector.journal.options import Durability
from agenttrace_collector.journal.reserve import Reserve
from agenttrace_collector.journal.store import JournalStore
from agenttrace_collector.journal.writer import Writer
from agenttrace_collector.server.health import Health


async def statuses(health: Health, *paths: str) -> list[int]:
    """The status of each path."""
    transport = httpx.ASGITransport(health.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return [(await client.get(path)).status_code for path in paths]


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (Health(), [200, 200, 200]),
        (Health({"journal": lambda: "journal is full"}), [503, 200, 200]),
        (Health({"service": lambda: "starting"}), [503, 503, 200]),
        (Health(stopping=True), [503, 503, 200]),
        (Health(api={"database": lambda: "it lacks the schema"}), [200, 503, 200]),
    ],
)
def test_each_path_answers_for_its_own_part(health: Health, expected: list[int]) -> None:
    """A full journal does not take the API away, and nothing but a hung loop fails `/live`."""
    assert asyncio.run(statuses(health, "/", "/ready/api", "/live")) == expected


def test_each_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often requests are refused meanwhile."""
    full, missing = [""], ["it lacks the schema"]

    async def change() -> None:
        health = Health({"journal": lambda: full[0]}, api={"database": lambda: missing[0]})
        watching = asyncio.create_task(health.watch(0.0))
        for state in ("", "journal is full", ""):
            full[0] = state
            for _ in range(5):
                await asyncio.sleep(0)
        missing[0] = ""
        for _ in range(5):
            await asyncio.sleep(0)
        watching.cancel()

    with caplog.at_level(logging.INFO, "agenttrace_collector.server.health"):
        asyncio.run(change())
    assert [record.getMessage() for record in caplog.records] == [
        "the API is not ready: it lacks the schema",
        "requests are refused: journal: journal is full",
        "requests are accepted again",
        "the API is ready",
    ]


def test_a_failed_commit_is_an_obstacle_until_one_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    """One line of the log for each change, not for each failure."""

    def opened() -> JournalStore:
        store = JournalStore(None)
        store.prepare(Durability.FSYNC)
        return store

    def fail(*_: object) -> NoReturn:
        raise sqlite3.OperationalError

    writer = Writer(opened, JournalCounters(), Reserve(None, 0), pending_bytes=1 << 20)
    writer.start(opened())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(Unavailable):
                writer.do(fail)
        assert writer.obstacle() == "the disk fails"
        writer.do(lambda *_: None)
        assert writer.obstacle() == ""
    assert len(caplog.records) == 2
    writer.close()
