"""End to end: runs of 16 spans at a steady rate into the embedded database, settled; CPU per span by part.

`python -m tests.bench.bench_end_to_end [--seconds 30] [--rate 4000]` prints µs of CPU per span for each part: what a
collector used beyond one that left the part out. `before` has blocks of half a second and rounds as runs come. CPU
time of the process, engine and merges included; compare lines of one run only. `--growth` sends three million spans to
one collector instead, and prints what each half million cost.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.collector import SHIPPED, Collector, running_collector
from tests.support.http import counted
from tests.support.load import Load, cpu_seconds, peak_memory_mib, send_load
from tests.support.receivers import wait_until

SPANS_OF_RUN: Final = 16
SPANS_OF_REQUEST: Final = 512
_SINK: Final = {"exporters__clickhouse__endpoint": "null://"}
_UNSETTLED: Final = {"derive__quiet": "1d"}
# Quiet for longer than rows of one request take to come to all tables.
_SETTLED: Final = {"derive__quiet": "6s"}
_BEFORE: Final = {
    "exporters__clickhouse__block_age": "500ms",
    "exporters__clickhouse__insert_share": "1",
    "derive__round_wait": "0s",
}
_LOOK_SECONDS: Final = 0.2
_PARTS: Final = 6
_PART_SPANS: Final = 500_000
_PATIENCE_SECONDS: Final = 600.0
_COUNT: Final = b"SELECT count() FROM agent_steps"


class Measured(NamedTuple):
    """What a collector used for a load, and how it fared."""

    microseconds: float
    load: Load
    peak_mib: float
    queryable: float


@dataclass(slots=True)
class Watch:
    """When which number of spans could be read."""

    seen: list[tuple[float, int]] = field(default_factory=list)

    def delay(self, load: Load, percent: int) -> float:
        """After how many seconds this share of the acknowledged spans could be read at the latest."""
        delays, place = [], 0
        for number, answered in enumerate(sorted(load.answered), start=1):
            while place < len(self.seen) and self.seen[place][1] < number * SPANS_OF_REQUEST:
                place += 1
            if place < len(self.seen):
                delays.append(self.seen[place][0] - answered)
        return sorted(delays)[min(len(delays) - 1, len(delays) * percent // 100)]


def main() -> None:
    """Measure each part, the settings of before and those that are shipped in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=4_000.0)
    parser.add_argument("--growth", action="store_true")
    asked = parser.parse_args()
    if asked.growth:
        growth(asked.rate)
        return
    received = measure({**SHIPPED, **_SINK}, asked.seconds, asked.rate)
    report("receive, decode, journal", received.microseconds, received)
    for title, blocks in (("before", _BEFORE), ("shipped", SHIPPED)):
        inserted = measure({**blocks, **_UNSETTLED}, asked.seconds, asked.rate)
        settled = measure({**blocks, **_SETTLED}, asked.seconds, asked.rate)
        report(f"insert and merge, {title}", inserted.microseconds - received.microseconds, inserted)
        report(f"settle, {title}", settled.microseconds - inserted.microseconds, settled)
        report(f"all, {title}", settled.microseconds, settled)


def growth(rate: float) -> None:
    """What each half million of three million spans costs, settled."""
    costs: list[float] = []
    with (
        tempfile.TemporaryDirectory() as name,
        running_collector(Path(name), **SHIPPED, **_SETTLED) as collector,
    ):
        for part in range(_PARTS):
            before = cpu_seconds(collector.pid)
            load = send_load(collector.grpc, seconds=_PART_SPANS / rate, rate=rate, spans=SPANS_OF_REQUEST)
            costs.append((cpu_seconds(collector.pid) - before) * 1e6 / load.spans)
            memory = peak_memory_mib(collector.pid)
            print(
                f"spans {part * _PART_SPANS:>9,} on: {costs[-1]:6.1f} µs of CPU per span, peak {memory:4.0f} MiB",
                flush=True,
            )
    print(f"the last part cost {costs[-1] / costs[0] - 1:+.1%} of the first")


def measure(settings: Mapping[str, str], seconds: float, rate: float) -> Measured:
    """Send for so long, and wait until everything is stored, and settled where it is to be."""
    with tempfile.TemporaryDirectory() as name, running_collector(Path(name), **settings) as collector:
        sinks = "exporters__clickhouse__endpoint" in settings
        before = cpu_seconds(collector.pid)
        with watching(None if sinks else collector) as watch:
            load = send_load(collector.grpc, seconds=seconds, rate=rate, spans=SPANS_OF_REQUEST)
            wait_until(lambda: counted(collector, "agenttrace_journal_rows") == 0, _PATIENCE_SECONDS)
            time.sleep(2 * _LOOK_SECONDS)
        if settings.get("derive__quiet") == _SETTLED["derive__quiet"]:
            runs = load.spans // SPANS_OF_RUN
            wait_until(lambda: counted(collector, "agenttrace_settled_runs") >= runs, _PATIENCE_SECONDS)
        used = cpu_seconds(collector.pid) - before
        return Measured(
            used * 1e6 / load.spans,
            load,
            peak_memory_mib(collector.pid),
            0.0 if sinks else watch.delay(load, 99),
        )


@contextmanager
def watching(collector: Collector | None) -> Iterator[Watch]:
    """Looks into the database all the time, if there is one."""
    watch, ended = Watch(), threading.Event()

    def look(running: Collector) -> None:
        while not ended.wait(_LOOK_SECONDS):
            url = running.url("clickhouse", "/?database=agenttrace")
            with urllib.request.urlopen(url, _COUNT, timeout=60) as answer:  # noqa: S310 - loopback
                watch.seen.append((time.monotonic(), int(answer.read())))

    thread = threading.Thread(target=look, args=(collector,)) if collector else None
    if thread:
        thread.start()
    try:
        yield watch
    finally:
        ended.set()
        if thread:
            thread.join()


def report(part: str, microseconds: float, measured: Measured) -> None:
    """One line of figures."""
    readable = f"  readable p99 {measured.queryable:4.1f} s" if measured.queryable else ""
    print(
        f"{part:28} {microseconds:7.1f} µs of CPU per span   {measured.load.spans / measured.load.seconds:6,.0f} spans/s"
        f"  acknowledged p99 {measured.load.percentile(99):6.1f} ms  peak {measured.peak_mib:5.0f} MiB"
        f"  refused {measured.load.refused}{readable}",
        flush=True,
    )


if __name__ == "__main__":
    main()
