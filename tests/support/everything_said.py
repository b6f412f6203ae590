"""All that a running collector answers and holds: each API route, page, table, metric, command, and file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from agenttrace_collector.query import catalogue
from agenttrace_collector.web.app import PAGES
from tests.support import plain_http
from tests.support.api import Api, operations
from tests.support.collector import Collector
from tests.support.commands import agenttrace

_RUNS: Final = "SELECT toString(run_id) FROM runs ORDER BY run_id FORMAT JSONCompactColumns"
# Of so many runs their own answers and pages are asked; of all of them every table.
_SAMPLE: Final = 20
# What each question needs to be one, beside the run.
_REQUIRED: Final = {"agent_id": "claude-code", "version_a": "1", "version_b": "2", "span": "30d"}
_COMMANDS: Final = (
    "doctor",
    "runs",
    "approvals tools",
    "approvals rules",
    "decisions",
    "signals",
    "rejections",
)


class Told(NamedTuple):
    """One thing that a collector said or holds, and where it stands."""

    place: str
    text: bytes


def everything_said(collector: Collector) -> Iterator[Told]:
    """Answers to every question that there is, then every file with its name."""
    yield from _tables(collector)
    runs = _of_column(collector, _RUNS)
    runs = runs[:: max(1, len(runs) // _SAMPLE)]
    yield from _routes(collector, runs)
    yield from _pages(collector, runs)
    yield Told("metrics", collector.get("metrics", "/metrics").encode())
    yield Told("health", collector.get("health").encode())
    yield from _commands(collector)
    yield from held(collector.directory)


def held(directory: Path) -> Iterator[Told]:
    """The name and the bytes of every file: the database's, the journal's, the log."""
    for path in sorted(each for each in directory.rglob("*") if each.is_file()):
        name = str(path.relative_to(directory))
        yield Told(f"file {name}", name.encode() + b"\n" + path.read_bytes())


def asked(collector: Collector, statement: str) -> bytes:
    """What the SQL endpoint answers."""
    answer = plain_http.post(collector.url("clickhouse"), content=statement)
    assert answer.status_code == 200, answer.text[:500]
    return answer.content


def _of_column(collector: Collector, statement: str) -> list[str]:
    found: list[list[str]] = json.loads(asked(collector, statement))
    return found[0] if found else []


def _tables(collector: Collector) -> Iterator[Told]:
    """Every row of every table and view."""
    for name in _of_column(collector, "SHOW TABLES FORMAT JSONCompactColumns"):
        yield Told(f"table {name}", asked(collector, f"SELECT * FROM {name} FORMAT JSONEachRow"))  # noqa: S608


def _told(place: str, answer: httpx.Response) -> Told:
    return Told(place, repr(answer.headers.raw).encode() + answer.content)


def _routes(collector: Collector, runs: list[str]) -> Iterator[Told]:
    """Every operation of the API, those of a run for each of these."""
    api = Api(collector)
    for each in operations():
        known = {name: _REQUIRED[name] for name in each.required()}
        for run in runs if "{run_id}" in each.path else ("",):
            answer = api.get(each.path.replace("{run_id}", run), **known)
            assert answer.status_code in (200, 404), (each.path, answer.text[:500])
            yield _told(f"route {each.path}", answer)


def _pages(collector: Collector, runs: list[str]) -> Iterator[Told]:
    """Every page, those of a run for each of these, and every table that a page offers."""
    api = Api(collector)
    for path in PAGES:
        for run in runs if "{run_id}" in path else ("",):
            yield _told(f"page {path}", api.get(path.replace("{run_id}", run)))
    for name, query in catalogue().items():
        known = {key: value for key, value in _REQUIRED.items() if key in query.parameters}
        of_run = {"run_id": runs[0]} if "run_id" in query.parameters else {}
        answer = api.get(f"/csv/{name}", **{"span": _REQUIRED["span"], **known, **of_run})
        assert answer.status_code == 200, (name, answer.text[:500])
        yield _told(f"csv {name}", answer)


def _commands(collector: Collector) -> Iterator[Told]:
    """What the command line prints."""
    settings = [part for key, value in collector.settings.items() for part in ("--set", f"{key}={value}")]
    for name in _COMMANDS:
        given = settings if name == "doctor" else []
        environment = {**os.environ, "AGENTTRACE_API": collector.url("api")}
        done = agenttrace(*name.split(), *given, environment=environment)
        assert done.returncode == 0, (name, done.stderr)
        yield Told(f"command {name}", f"{done.stdout}{done.stderr}".encode())
