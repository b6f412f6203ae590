"""Questions have limits: of what one may take, of how long one may wait, of how many there are at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_collector.query import Answer, Reader
from agenttrace_schemas.rules import Policy
from tests.support.api import application
from tests.support.database import engine, migrated

Ask = Callable[[httpx.AsyncClient], Awaitable[Any]]


class Tight(ClickHouse):
    """A database that leaves its questions next to nothing of one resource."""

    def __init__(self, database: str, **limits: float) -> None:
        super().__init__(engine(), database)
        self._limits = limits

    def read(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Read within these limits."""
        return super().read(statement, parameters, {**(settings or {}), **self._limits})


class Stuck:
    """Questions that are never answered, as by a database that hangs."""

    async def ask(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """Wait for ever."""
        del name, tenant, parameters
        never: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        return await never

    def close(self) -> None:
        """Do nothing."""


class Broken:
    """Questions that fail in a way of their own."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def ask(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """Fail."""
        del name, tenant, parameters
        raise self._error

    def close(self) -> None:
        """Do nothing."""


def asked(app: FastAPI, ask: Ask) -> Any:
    """What a client in this process gets."""

    async def ask_in_process() -> Any:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await ask(client)

    return asyncio.run(ask_in_process())


@pytest.mark.parametrize(
    "limits", [{"max_memory_usage": 1}, {"max_result_rows": 1}, {"max_execution_time": 0.05}]
)
def test_a_question_over_its_limits_is_told_to_be_narrower(limits: dict[str, float]) -> None:
    """The client can help that, so it is not 503."""
    migrated(Policy())
    database = Tight("system", **limits)
    statement = "SELECT number, sleep(0.02) FROM numbers(1000000)"

    class Heavy(Reader):
        def ask_now(
            self,
            name: str,
            tenant: str,
            parameters: Mapping[str, Any],
            limits: Mapping[str, Any] | None = None,
        ) -> Answer:
            del name, tenant, parameters, limits
            columns, rows = database.read(statement)
            return Answer(tuple(columns), tuple(rows))

    reader = Heavy(database)
    answer = asked(application(reader), lambda client: client.get("/v1/agents"))
    reader.close()
    assert (answer.status_code, answer.json()["error"]) == (422, "over_limit")
    assert "narrow it" in answer.json()["message"]


def test_a_database_that_hangs_is_503() -> None:
    """After the longest that a question may take and a little more."""
    answer = asked(application(Stuck(), patience=0.05), lambda client: client.get("/v1/stats"))
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_too_many_questions_are_asked_to_come_later() -> None:
    """Nothing queues without end."""

    async def crowd(client: httpx.AsyncClient) -> list[int]:
        answers = await asyncio.gather(*(client.get("/v1/stats") for _ in range(40)))
        return [answer.status_code for answer in answers]

    codes = asked(application(Stuck(), patience=0.5), crowd)
    assert (codes.count(503), codes.count(429)) == (32, 8)


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (Unavailable("the disk is full"), 503, "unavailable"),
        (Rejected("no such table"), 503, "unavailable"),
        (RuntimeError("what the user said"), 500, "internal"),
        (KeyError("what the user said"), 500, "internal"),
    ],
)
def test_faults_say_nothing_of_what_was_asked(
    error: Exception, status: int, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A problem like any other, never a stack trace."""
    answer = asked(application(Broken(error)), lambda client: client.get("/v1/stats"))
    assert (answer.status_code, answer.json()["error"]) == (status, name)
    assert "user said" not in answer.text
    assert "Traceback" not in answer.text
    assert "user said" not in " ".join(record.getMessage() for record in caplog.records)
