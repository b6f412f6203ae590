"""CPU time of settling per step, Python and the compiled engine in turn on runs of the same kind, in one process.

`python -m tests.bench.bench_settle [--runs 1000] [--rounds 5]` prints medians in µs per step: of reading what is
stored, of making rows of it, and of a round as a whole. CPU time of the process, the database's threads included.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agenttrace_collector.config.decode import DecodeEngine, DecodeSection
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.settle.blocks import encoded
from agenttrace_collector.settle.model import PendingRun, SettleContext, Thresholds
from agenttrace_collector.settle.run import settle_run
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.stored import run_rows
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas.rows import ROWS, columns
from agenttrace_schemas.rules import Policy
from tests.support.database import emptied
from tests.support.reference import reference_request

SPANS_OF_RUN: Final = 16
ENGINES: Final[Sequence[DecodeEngine]] = ("python", "native")
_POLICY: Final = Policy()


def main() -> None:
    """Settle so many rounds by each engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    store = SettlingStore(emptied())
    used: dict[DecodeEngine, list[Mapping[str, float]]] = {engine: [] for engine in ENGINES}
    for seed in range(asked.rounds):
        for place, engine in enumerate(ENGINES):
            insert(store, asked.runs, 2 * seed + place)
            used[engine].append(measure(store, engine))
    for engine, rounds in used.items():
        parts = {part: statistics.median(each[part] for each in rounds) for part in rounds[0]}
        print(
            engine, "  ".join(f"{part} {value:6.1f}" for part, value in parts.items()), "µs of CPU per step"
        )


def insert(store: SettlingStore, runs: int, seed: int) -> None:
    """Store so many runs that wait."""
    now = time.time_ns()
    batch = decode_traces(reference_request(seed, now, runs * SPANS_OF_RUN), Context(_POLICY, "default", now))
    tables = {row.TABLE: list(columns(row)) for row in ROWS}
    for table, block in batch.blocks.items():
        store.database.insert(table, tables[table], block.data, token=f"{seed} {table}")


def measure(store: SettlingStore, engine: DecodeEngine) -> Mapping[str, float]:
    """CPU time per step of a round's parts, in µs; the round itself comes last and does all of it again."""
    config = Config(decode=DecodeSection(engine=engine), derive=Derive(quiet=0.001))
    settler = Settler(store, _POLICY, config)
    marks = store.waiting(0, 1_000_000)
    steps = SPANS_OF_RUN * len(marks)
    parts = {part: seconds * 1e6 / steps for part, seconds in _parts(settler, marks)}
    assert settler.engine.counts.handed_back == settler.engine.counts.declined == 0
    return parts


def _parts(settler: Settler, marks: Sequence[PendingRun]) -> Iterator[tuple[str, float]]:
    started = time.process_time()
    stored = settler.store.read(marks)
    yield "read", time.process_time() - started
    started = time.process_time()
    _make(settler, marks, stored)
    yield "make rows", time.process_time() - started
    started = time.process_time()
    settler.settle(marks)
    yield "whole round", time.process_time() - started


def _make(settler: Settler, marks: Sequence[PendingRun], stored: Any) -> None:
    this = SettleContext(_POLICY, Thresholds(), settler.now())
    accepted = settler.engine.accept(marks, stored, this)
    rows = run_rows(accepted.left, accepted.stored)
    encoded(rows, [settle_run(each, this) for each in rows])


if __name__ == "__main__":
    main()
