"""Nothing that was said is found anywhere after it went through a real collector."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agenttrace_collector.decode import builder
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_schemas import rules
from agenttrace_schemas.migrations import migrations, statements
from agenttrace_schemas.rows import ROWS, columns
from agenttrace_schemas.rules import Policy
from tests.support.canary import TOKEN, log_requests, trace_requests
from tests.support.collector import running_collector
from tests.support.database import empty_database
from tests.support.load import EXPORT
from tests.support.read_back import read_back

EXPORT_LOGS = EXPORT.replace(".trace.", ".logs.").replace("TraceService", "LogsService")


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a directory, with its bytes."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(directory)), path.read_bytes()


def leaks(directory: Path, replies: list[str]) -> list[str]:
    """Where the token is found: replies, files with their names, tables read through the engine."""
    found = [f"reply {number}" for number, reply in enumerate(replies) if TOKEN in reply]
    found += [name for name, body in files(directory) if TOKEN.encode() in body or TOKEN in name]
    tables = read_back(directory / "data").split("# ")
    return found + [table.split("\n", 1)[0] for table in tables if TOKEN in table]


def send_everything(endpoint: str) -> list[str]:
    """Send every planted request twice and return what was answered, errors included."""
    replies = []
    now = time.time_ns()
    with grpc.insecure_channel(endpoint) as channel:
        for path, requests, answer in (
            (EXPORT, list(trace_requests(now)), ExportTraceServiceResponse),
            (EXPORT_LOGS, list(log_requests(now)), ExportLogsServiceResponse),
        ):
            export = channel.unary_unary(path, bytes, bytes)
            for request in (each for each in requests for _ in range(2)):
                try:
                    replies.append(str(answer.FromString(export(request.SerializeToString()))))
                except grpc.RpcError as error:
                    replies.append(f"{error.code()} {error.details()} {error.trailing_metadata()}")
    return replies


def test_nothing_that_was_said_is_found_anywhere(tmp_path: Path) -> None:
    """Replies, metrics, logs, journal, data files and every table, after everything was sent."""
    with running_collector(tmp_path) as collector:
        replies = send_everything(collector.grpc)
        replies.append(collector.get("metrics", "/metrics"))
        replies.append(collector.get("health"))
    assert leaks(tmp_path, replies) == []
    stored = read_back(tmp_path / "data")
    for name in ('"_redacted_', '"_unconfirmed_', '"_unknown_tool"'):
        assert name in stored


@pytest.mark.long
@pytest.mark.parametrize("place", ["reply", "file", "table"])
def test_the_scan_finds_a_planted_leak(tmp_path: Path, place: str) -> None:
    """The test above can fail: a token in any place is found."""
    replies = [TOKEN] if place == "reply" else []
    if place == "file":
        (tmp_path / "collector.log").write_text(f"said {TOKEN}")
    make_database(tmp_path / "data", leaking=place == "table")
    assert leaks(tmp_path, replies)


def test_without_enforcement_the_token_is_stored_and_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps the tables clean is the enforcement: without it the same requests leave the token there."""
    monkeypatch.setattr(builder, "kept_name", lambda _key, value: value)
    monkeypatch.setattr(rules, "label_fault", lambda _value, _mode: "")
    database = empty_database()
    for migration in migrations():
        for statement in statements(migration.up):
            database.command(statement)
    now = time.time_ns()
    context = Context(Policy(), "default", now)
    for number, request in enumerate(trace_requests(now)):
        for table, block in decode_traces(request.SerializeToString(), context).blocks.items():
            names = next(list(columns(row)) for row in ROWS if table == row.TABLE)
            database.insert(table, names, block.data, token=f"{table}-{number}")
    steps = database.query("SELECT * FROM agent_steps")
    assert TOKEN in str(steps)


def make_database(directory: Path, *, leaking: bool) -> None:
    """A database with one table of one row, written by a process of its own."""
    said = TOKEN if leaking else "nothing"
    subprocess.run([sys.executable, "-c", _MAKE, str(directory), said], check=True)


_MAKE = """
import sys, clickhouse_connect
client = clickhouse_connect.get_client(dsn=f"chdb://{sys.argv[1]}")
client.command("CREATE DATABASE agenttrace")
client.command("CREATE TABLE agenttrace.said (a String) ENGINE = MergeTree ORDER BY a")
client.insert("agenttrace.said", [[sys.argv[2]]])
"""
