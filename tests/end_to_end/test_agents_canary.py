"""Every open set of coding agents, and those of the newer frameworks, through a collector: nothing that was said is anywhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import grpc
import httpx
import pytest

from agenttrace_collector.decode.otlp_json import logs_from_json, metrics_from_json, traces_from_json
from agenttrace_collector.receivers.signals import EXPORT, LOGS_SERVICE, METRICS_SERVICE, TRACE_SERVICE
from tests.support import plain_http
from tests.support.agents import agent_scenarios
from tests.support.collector import Collector, running_collector
from tests.support.corpus import FOLDER, scenarios
from tests.support.everything_said import Told, asked, everything_said, held
from tests.support.http import counted
from tests.support.receivers import wait_until

# Texts that were said bear the first; the others are the names that a model made up, and paths.
MARKS: Final = (b"CANARY", b"robnicate", b"/srv/agents")
NEWER: Final = re.compile(r"(2\d|3[012])\D")
FROM_JSON: Final = {"logs": logs_from_json, "traces": traces_from_json, "metrics": metrics_from_json}
SERVICES: Final = {"logs": LOGS_SERVICE, "traces": TRACE_SERVICE, "metrics": METRICS_SERVICE}
AGENTS: Final = {"claude-code", "codex", "copilot-cli", "gemini-cli", "opencode", "qwen-code"}
NOWHERE: Final = "http://127.0.0.1:9"
SETTLE_SECONDS: Final = 120.0


def requests() -> Iterator[tuple[str, bytes]]:
    """The name of each request and its bytes, as it was sent."""
    for agent in agent_scenarios():
        yield from agent.requests
    for scenario in scenarios():
        if NEWER.match(scenario.pair):
            yield from ((name, (FOLDER / scenario.pair / name).read_bytes()) for name in scenario.files)


def marked(told: Iterable[Told]) -> dict[str, int]:
    """Where a mark stands, and how often."""
    found = {place: sum(text.count(mark) for mark in MARKS) for place, text in told}
    return {place: count for place, count in found.items() if count}


def send_all(collector: Collector) -> Iterator[Told]:
    """Send each request over gRPC, over HTTP, and cut in two; what was answered, refusals included."""
    with grpc.insecure_channel(collector.grpc) as channel:
        for name, body in requests():
            signal = name.split(".")[1]
            is_json = name.endswith(".json")
            export = channel.unary_unary(f"/{SERVICES[signal]}/{EXPORT}", None, None)
            yield Told("gRPC", export(FROM_JSON[signal](body).data if is_json else body, timeout=30))
            yield Told("HTTP", _post(collector, signal, body, is_json=is_json))
            yield Told("HTTP, cut", _post(collector, signal, body[: len(body) // 2], is_json=is_json))
            yield Told("gRPC, cut", _refused(channel, signal, body[: len(body) // 2]))


def _refused(channel: grpc.Channel, signal: str, body: bytes) -> bytes:
    try:
        answer = channel.unary_unary(f"/{SERVICES[signal]}/{EXPORT}", None, None)(body, timeout=30)
    except grpc.RpcError as error:
        return f"{error.code()} {error.details()} {error.trailing_metadata()}".encode()
    return bytes(answer)


def _post(collector: Collector, signal: str, body: bytes, *, is_json: bool) -> bytes:
    kind = "application/json" if is_json else "application/x-protobuf"
    answer: httpx.Response = plain_http.post(
        collector.url("http", f"/v1/{signal}"), content=body, headers={"content-type": kind}
    )
    return f"{answer.status_code} {answer.headers!r}".encode() + answer.content


def unsettled(collector: Collector) -> int:
    """Rows that are not delivered and runs that are not settled."""
    rows = counted(collector, "agenttrace_journal_rows")
    return int(rows) + int(asked(collector, "SELECT count() FROM runs WHERE NOT settled"))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_that_coding_agents_said_is_anywhere(tmp_path: Path) -> None:
    """In the journal of a collector whose database is away; then, once all is stored and settled, in whatever it says."""
    sent = sum(body.count(mark) for _, body in requests() for mark in MARKS)
    assert sent > 10_000
    with running_collector(tmp_path, exporters__clickhouse__endpoint=NOWHERE) as waiting:
        replies = list(send_all(waiting))
        said = Told("metrics, waiting", waiting.get("metrics", "/metrics").encode())
        journal = list(held(tmp_path))
    assert sum(len(told.text) for told in journal if "journal/" in told.place) > 1_000_000
    assert marked([*replies, said, *journal]) == {}
    with running_collector(tmp_path, derive__quiet="1s") as collector:
        wait_until(lambda: unsettled(collector) == 0, SETTLE_SECONDS)
        found = list(everything_said(collector))
    assert marked(found) == {}
    places = {told.place for told in found}
    print(
        f"{sent} marked texts sent, {len(replies)} replies, {len(found)} texts at {len(places)} places, 0 marked"
    )
    tools = next(told.text.decode() for told in found if told.place == "table decisions")
    assert all(f'"{agent}"' in tools for agent in AGENTS)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_planted_leak_is_found(tmp_path: Path) -> None:
    """A row that no rule looked at shows in the table, in the API, on pages, in downloads and in a file of its own."""
    with running_collector(tmp_path):
        pass
    subprocess.run([sys.executable, "-c", _PLANT, str(tmp_path / "data")], check=True)
    (tmp_path / "journal" / "left").write_bytes(b"\0robnicate")
    with running_collector(tmp_path, derive__quiet="1s") as collector:
        wait_until(lambda: unsettled(collector) == 0, SETTLE_SECONDS)
        found = marked([*everything_said(collector), Told("HTTP", b"CANARY")])
    assert found.keys() >= {
        "table agent_runs",
        "table runs",
        "route /v1/runs",
        "route /v1/agents",
        "page /runs",
        "page /runs/{run_id}",
        "csv agents",
        "command runs",
        "file journal/left",
        "HTTP",
    }


_PLANT: Final = """
import sys, time
from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_schemas.rows import RunRow, StepRow
from tests.support.database import insert_statement, valid_row
database = ClickHouse(f"chdb://{sys.argv[1]}")
for name, in database.query(
    "SELECT DISTINCT extract(arrayJoin(extractAll(create_table_query, 'CONSTRAINT \\\\\\\\w+')), '\\\\\\\\w+$')"
    " FROM system.tables WHERE name = 'agent_runs'"
):
    database.command(f"ALTER TABLE agent_runs DROP CONSTRAINT {name}")
now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
run = {"tenant": "default", "run_id": "11111111-1111-4111-8111-111111111111"}
run |= dict.fromkeys(("started_at", "ended_at", "created_at"), now)
database.command(insert_statement(StepRow, valid_row(StepRow, **run)))
database.command(insert_statement(RunRow, valid_row(RunRow, agent_id="CANARY", **run)))
"""
