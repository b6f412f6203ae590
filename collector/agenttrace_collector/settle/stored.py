"""What is stored of the runs of a round, as the database gives it: taken apart here for runs that Python settles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from agenttrace_collector.clickhouse.row_reader import read_rows
from agenttrace_collector.settle.model import PendingRun, Recorded, RunKey, RunRows, Told
from agenttrace_schemas.rows import OutcomeRow, Row, RunRow, SpanLinkRow, StepRow, columns

# The rows that are read whole, in the order of `StoredRows`.
READ_ROWS: Final[tuple[type[Row], ...]] = (StepRow, SpanLinkRow, RunRow, OutcomeRow)
# What is read of each decision, signal and failure that an agent recorded.
TOLD_COLUMNS: Final[Mapping[str, str]] = {
    "tenant": "LowCardinality(String)",
    "run_id": "UUID",
    "step_id": "Nullable(UUID)",
    "stated": "String",
    "kind": "String",
    "type": "LowCardinality(String)",
    "code": "LowCardinality(String)",
    "agent_id": "LowCardinality(String)",
    "agent_version": "LowCardinality(String)",
    "environment": "LowCardinality(String)",
    "time": "DateTime64(9, 'UTC')",
    "number": "Nullable(Float64)",
}
# Of two outcomes that were said at one time, the view of runs that wait chooses the same.
_WHEN_SAID: Final = attrgetter("recorded_at", "created_at", "status", "failure_type", "failure_code")


class StoredRows(NamedTuple):
    """Rows of some runs in RowBinary; `told` are decisions, signals and failures with the columns of `TOLD_COLUMNS`."""

    steps: bytes
    links: bytes
    candidates: bytes
    outcomes: bytes
    told: bytes


def run_rows(marks: Sequence[PendingRun], stored: StoredRows) -> list[RunRows]:
    """Everything stored of these runs, as rows."""
    if not marks:
        return []
    outcomes = {
        (row.tenant, row.run_id): row for row in sorted(_rows(OutcomeRow, stored.outcomes), key=_WHEN_SAID)
    }
    steps, links, candidates = (_by_run(row, data) for row, data in zip(READ_ROWS, stored[:3], strict=False))
    recorded = _recorded(stored.told)
    return [
        RunRows(
            mark.tenant,
            mark.run_id,
            steps=steps[mark[:2]],
            links=links[mark[:2]],
            candidates=candidates[mark[:2]],
            recorded=recorded.get(mark[:2], Recorded()),
            outcome=outcomes.get(mark[:2]),
        )
        for mark in marks
    ]


def _by_run(row: type[Row], data: bytes) -> defaultdict[RunKey, list[Any]]:
    found: defaultdict[RunKey, list[Any]] = defaultdict(list)
    for made in _rows(row, data):
        found[made.tenant, made.run_id].append(made)
    return found


def _rows(row: type[Row], data: bytes) -> Iterator[Any]:
    """Rows of a table, their values as the row classes have them."""
    names = tuple(columns(row))
    for values in read_rows(data, [column.type for column in columns(row).values()]):
        yield row(**dict(zip(names, values, strict=True)))


def _recorded(data: bytes) -> dict[RunKey, Recorded]:
    stated: defaultdict[RunKey, defaultdict[str, list[tuple[bytes | None, str]]]]
    stated = defaultdict(lambda: defaultdict(list))
    told: defaultdict[RunKey, list[Told]] = defaultdict(list)
    for tenant, run_id, step_id, kind, *rest in read_rows(data, tuple(TOLD_COLUMNS.values())):
        each = Told._make(rest)
        stated[tenant, run_id][each.kind].append((step_id, kind))
        told[tenant, run_id].append(each)
    return {
        run: Recorded(
            frozenset(stated[run]["signal"]),
            frozenset(stated[run]["decision"]),
            frozenset(step_id for step_id, _ in stated[run]["failure"]),
            tuple(each),
        )
        for run, each in told.items()
    }
