"""Rows as CSV: all of them, or a name that says how many; a bad parameter is named, a stranger asked for a token."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, cast

import clickhouse_connect
import httpx
import pytest

from agenttrace_collector.api.deps import TenantQueries
from agenttrace_collector.query import catalogue
from agenttrace_collector.web.downloads import TOTAL, pages_of
from agenttrace_collector.web.filters import PageFilters
from agenttrace_schemas import wire
from tests.support.api import Api
from tests.support.collector import Collector, running_collector
from tests.support.http import post
from tests.support.otlp import NOW, ASpan, traces

RUNS = 10_050
# Ten runs for each of these times, and the rest of them at one time: more than one page of a download.
TIMES = 20
AGENT: Mapping[str, Any] = {wire.GEN_AI_OPERATION_NAME: "invoke_agent", wire.GEN_AI_AGENT_NAME: "many"}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One with more runs than a page of a download has, most of which began at the same time."""
    spans = (
        ASpan(
            attributes=AGENT,
            trace_id=number.to_bytes(16),
            start=NOW - min(number // 10, TIMES) * 1_000_000,
            end=NOW + 1,
        )
        for number in range(1, RUNS + 1)
    )
    with running_collector(tmp_path_factory.mktemp("many"), derive__quiet="600s") as running:
        post(running, "traces", traces(*spans))
        Api(running).eventually(lambda body: body["total"] == RUNS, "/v1/runs")
        yield running


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    """The lines of a CSV answer."""
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_every_run_is_downloaded(collector: Collector) -> None:
    """Once, the latest first, whatever the size of a page; the answer says how many there are."""
    answer = Api(collector).get("/csv/runs", span="all")
    rows = rows_of(answer)
    assert len({row["run_id"] for row in rows}) == len(rows) == RUNS == int(answer.headers[TOTAL])
    assert {row["total"] for row in rows} == {str(RUNS)}
    times = [row["started_at"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert 'filename="runs.csv"' in answer.headers["content-disposition"]
    assert len(rows_of(Api(collector).get("/csv/runs_with", span="all"))) == RUNS


class Database:
    """Asks the named queries of a running collector's database, as a reader does."""

    def __init__(self, collector: Collector) -> None:
        self._client = clickhouse_connect.get_client(
            host="127.0.0.1", port=collector.ports["clickhouse"], database="agenttrace"
        )

    async def records(self, name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a named query."""
        query = catalogue()[name]
        values = {key: parameters[key] for key in query.parameters}
        return list(self._client.query(query.statement, parameters=values).named_results())


@pytest.mark.long
@pytest.mark.parametrize(("size", "most"), [(997, 100_000), (10_050, 100_000), (3, 70), (10, 10), (7, 1)])
def test_pages_join(collector: Collector, size: int, most: int) -> None:
    """No run twice and none missing, up to the most that is told."""
    bound = {**PageFilters(span="all").bound(), "tenant": "default"}
    who = cast("TenantQueries", Database(collector))

    async def everything() -> list[dict[str, Any]]:
        return [
            dict(row) async for page in pages_of(who, "runs", bound, size=size, most=most) for row in page
        ]

    async def at_once() -> list[dict[str, Any]]:
        return await who.records("runs", {**bound, "limit": most, "offset": 0})

    told = [row["run_id"] for row in asyncio.run(everything())]
    assert told == [row["run_id"] for row in asyncio.run(at_once())]
    assert len(told) == min(most, RUNS)


def test_a_cut_is_said(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file's name, which is what is left of a download."""
    from agenttrace_collector.web import downloads  # noqa: PLC0415 - its bound is lowered

    monkeypatch.setattr(downloads, "MOST_ROWS", 100)
    response = asyncio.run(
        downloads._paged(
            cast("TenantQueries", Database(collector)),
            "runs",
            {**PageFilters(span="all").bound(), "tenant": "default"},
        )
    )
    assert response.headers["content-disposition"] == (f'attachment; filename="runs-first-100-of-{RUNS}.csv"')
    assert response.headers[TOTAL] == str(RUNS)


BAD = [
    ("runs?step=1", 422, "*"),
    ("runs_over_time?step=CANARY", 422, "step"),
    ("runs_over_time?step=0", 422, "step"),
    ("runs_over_time?step=-1", 422, "step"),
    ("runs_over_time?step=99999999999999999999", 422, "step"),
    ("runs?start_time=CANARY", 422, "start_time"),
    ("runs?end_time=", 422, "end_time"),
    ("run_steps?run_id=CANARY", 422, "run_id"),
    ("run_steps", 422, "run_id"),
    ("compare_decisions?agent_id=x", 422, "version_a"),
    (f"runs?tool={'x' * 129}", 422, "tool"),
    (f"runs?agent={'x' * 129}", 422, "agent"),
    ("runs?CANARY=1", 422, "*"),
    ("runs?tenant=CANARY", 422, "*"),
    ("runs?limit=3", 422, "*"),
    ("runs?status=CANARY", 400, "status"),
    ("runs?source=CANARY", 400, "source"),
    ("runs?span=CANARY", 400, "span"),
    ("decisions_aggregate?decision_type=CANARY", 400, "decision_type"),
    ("signals_aggregate?signal_type=CANARY", 400, "signal_type"),
    ("failures_aggregate?failure_type=CANARY", 400, "failure_type"),
]


def test_a_bad_parameter_is_named(collector: Collector) -> None:
    """With the status that the API has for it; what was sent is not repeated."""
    for asked, status, field in BAD:
        answer = Api(collector).send("GET", f"/csv/{asked}")
        assert (answer.status_code, f"{field}: " in answer.text) == (status, True), asked
        assert "CANARY" not in answer.text


@pytest.mark.long
def test_every_named_query_answers(collector: Collector) -> None:
    """With rows, or with what it lacks: never as a fault, whatever is left out."""
    required = {"run_id": "00000000-0000-0000-0000-000000000001", "version_a": "1", "version_b": "2"}
    for name, query in catalogue().items():
        given = {key: value for key, value in required.items() if key in query.parameters}
        assert Api(collector).get(f"/csv/{name}", span="24h").status_code == (422 if given else 200), name
        assert Api(collector).get(f"/csv/{name}", span="24h", **given).status_code == 200, name
