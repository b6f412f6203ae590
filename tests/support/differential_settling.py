"""Compares what two engines make of runs: rows byte for byte, as sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from agenttrace_collector.clickhouse.row_fields import fields
from agenttrace_collector.settle.blocks import SettledRun, SettledRuns, encoded
from agenttrace_collector.settle.model import RunKey, RunRows, SettleContext, Thresholds
from agenttrace_collector.settle.native import NativeSettling
from agenttrace_collector.settle.run import settle_run
from agenttrace_collector.settle.stored import run_rows
from agenttrace_schemas.derived_rows import DERIVED_ROWS
from agenttrace_schemas.rows import columns
from agenttrace_schemas.rules import Policy
from tests.support.stored_runs import StoredRun, as_read

SETTLED_AT: Final = 1_796_000_000 * 10**9
# A run as made: what is told of it, and its rows by table.
Comparable: TypeAlias = tuple[SettledRun, Mapping[str, Sequence[bytes]]]
_ROUND: Final = 200
_TYPES: Final = {row.TABLE: [column.type for column in columns(row).values()] for row in DERIVED_ROWS}


class Difference(NamedTuple):
    """A run, and what two engines make of it."""

    run: StoredRun
    compiled: Comparable
    python: Comparable | None


def context(policy: Policy) -> SettleContext:
    """A round under a policy."""
    return SettleContext(policy, Thresholds(), SETTLED_AT)


def _rows(table: str, data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        row = b"".join(fields(data, start, _TYPES[table]))
        start += len(row)
        yield row


def comparable(made: SettledRuns, number: int) -> Comparable:
    """The run at this place, its rows in an order of their own."""
    return made.runs[number], {table: sorted(_rows(table, made.of_run(table, number))) for table in _TYPES}


def in_python(rows: RunRows, this: SettleContext) -> Comparable | None:
    """What Python makes of a run; None where it cannot settle it."""
    try:
        return comparable(encoded([rows], [settle_run(rows, this)]), 0)
    except Exception:  # noqa: BLE001 - a run of a test may be anything
        return None


class ComparedRuns:
    """Runs as they are read for a round, and what Python makes of each, once it is asked."""

    def __init__(self, runs: Sequence[StoredRun], this: SettleContext) -> None:
        self._runs = {(run.tenant, run.run_id): run for run in runs}
        self._marks, self._stored, self._this = [run.mark for run in runs], as_read(runs), this
        self._rows = {(rows.tenant, rows.run_id): rows for rows in run_rows(self._marks, self._stored)}
        self._made: dict[RunKey, Comparable | None] = {}

    def _in_python(self, run: RunKey) -> Comparable | None:
        if run not in self._made:
            self._made[run] = in_python(self._rows[run], self._this)
        return self._made[run]

    def differences(self, engine: NativeSettling) -> Iterator[Difference]:
        """The runs that the engine accepts and Python settles otherwise; what is left it must give back as it was."""
        accepted = engine.accept(self._marks, self._stored, self._this)
        assert run_rows(accepted.left, accepted.stored) == [self._rows[mark[:2]] for mark in accepted.left]
        for made in accepted.made:
            for number, run in enumerate(made.runs):
                compiled, python = comparable(made, number), self._in_python(run.key)
                if compiled != python:
                    yield Difference(self._runs[run.key], compiled, python)


def in_rounds(runs: Iterator[StoredRun], this: SettleContext) -> Iterator[ComparedRuns]:
    """Runs as rounds have them."""
    while batch := list(islice(runs, _ROUND)):
        yield ComparedRuns(batch, this)
