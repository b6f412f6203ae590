"""A collector that holds what the demo sends, and the published runs as they lie in their file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from agenttrace.examples.replay import AGENT
from agenttrace_collector.demo.run import SENDERS, DemoDirectory, send
from tests.support.api import Api
from tests.support.collector import Collector, running_collector
from tests.support.shared import made_once

VERSION = "gpt-4o"
LAST = "forbidden-sender"
QUIET = "1s"
OF_AGENT = {"agent_id": AGENT}


@contextmanager
def filled_with_demo(directory: Path) -> Iterator[Collector]:
    """Everything that `agenttrace demo` sends, settled: a copy of what a collector stored once in this test run."""
    shutil.copytree(made_once("demo", _send_all) / "data", directory / "data", symlinks=True)
    with running_collector(directory, derive__quiet=QUIET) as collector:
        yield collector


def fill(collector: Collector) -> None:
    """Send everything that `agenttrace demo` sends, and wait until it is settled."""
    for sender in SENDERS:
        send(sender, collector.grpc, DemoDirectory(collector.directory))
    api = Api(collector)
    api.eventually(lambda body: body["runs"] == len(published()), "/v1/stats", **OF_AGENT)
    # What is sent last is there when the rest is.
    api.eventually(lambda body: body["runs"] == 1, "/v1/stats", agent_id=LAST)
    api.eventually(
        lambda body: all(run["settled"] for run in body["runs"]), "/v1/runs", page_size=100, page=1
    )
    api.eventually(lambda body: _count(body, "unavailable") == 73, "/v1/signals/aggregate", **OF_AGENT)


def _send_all(directory: Path) -> None:
    with running_collector(directory, derive__quiet=QUIET) as collector:
        fill(collector)


def _count(body: Any, code: str) -> int:
    return sum(row["true_count"] for row in body["aggregations"] if row["signal_code"] == code)


@cache
def published() -> list[dict[str, Any]]:
    """The 200 runs of the file."""
    file = files("agenttrace.examples").joinpath("data", "tau_bench_airline_gpt4o.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]
