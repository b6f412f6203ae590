"""Reads the rows of unsettled runs and writes the results."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from agenttrace_collector.settle import sql
from agenttrace_collector.settle.blocks import SettledRuns, withdrawn
from agenttrace_collector.settle.model import EVERYTHING, HashShare, PendingRun, RunKey
from agenttrace_collector.settle.stored import StoredRows
from agenttrace_schemas.derived_rows import DERIVED_ROWS
from agenttrace_schemas.names import UNCONFIRMED
from agenttrace_schemas.rows import (
    DecisionRow,
    FailureRow,
    OutcomeRow,
    Row,
    RunRow,
    SignalRow,
    SpanLinkRow,
    StepRow,
    columns,
)
from agenttrace_schemas.template import render

_MARKS: Final = f"""
SELECT tenant, UUIDToNum(run_id), toUnixTimestamp64Nano(maxIf(marked_at, settled = 0) AS touched),
       toUnixTimestamp64Nano(min(earliest)), toUnixTimestamp64Nano(max(latest))
FROM run_marks
WHERE {sql.UNSETTLED_MARKS}
GROUP BY tenant, run_id
HAVING touched > maxIf(marked_at, settled = 1) AND touched <= now64(9) - toIntervalMillisecond({{quiet:UInt64}})
    AND cityHash64(tenant, run_id) % {{of:UInt32}} = {{place:UInt32}}
ORDER BY touched
LIMIT {{each:UInt64}} BY tenant
LIMIT {{most:UInt64}}
"""  # noqa: S608 - a constant of ours
# A run that is set aside has its next mark in the future: the watermark passes those that it came with.
_PROGRESS: Final = f"""
INSERT INTO settle_progress
SELECT least(if(count() = 0, (SELECT max(marked_at) FROM run_marks), min(first)), now64(9)), now64(9)
FROM (
    SELECT maxIf(marked_at, settled = 1) AS done, arrayMin(arrayFilter(x -> x > done, groupArrayIf(marked_at, settled = 0))) AS first
    FROM run_marks
    WHERE {sql.UNSETTLED_MARKS}
    GROUP BY tenant, run_id
    HAVING maxIf(marked_at, settled = 0) > maxIf(marked_at, settled = 1)
)
"""  # noqa: S608 - a constant of ours
_SET_ASIDE: Final = """
SELECT tenant, UUIDToNum(run_id), toUnixTimestamp64Nano(max(marked_at))
FROM run_marks
WHERE marked_at > now64(9)
GROUP BY tenant, run_id
HAVING maxIf(marked_at, settled = 0) > maxIf(marked_at, settled = 1)
"""
_RANGE: Final = """
SELECT tenant, UUIDToNum(run_id), toUnixTimestamp64Nano(now64(9)),
       toUnixTimestamp64Nano(min(started_at)), toUnixTimestamp64Nano(max(started_at))
FROM agent_steps
WHERE started_at >= fromUnixTimestamp64Nano({since:Int64}) AND started_at < fromUnixTimestamp64Nano({until:Int64})
GROUP BY tenant, run_id
ORDER BY min(started_at)
"""
# No row is older or later (2100).
_EVER: Final = (0, 4_102_444_800 * 10**9)
# Runs that were settled before, with the first start and the last end (ns) that their facts ever said.
Ranges: TypeAlias = Mapping[RunKey, tuple[int, int]]


@runtime_checkable
class SettlingDatabase(Protocol):
    """The database calls that settling uses."""

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """The rows of a query."""

    def row_binary(self, statement: str) -> bytes:
        """The rows of a query in RowBinary."""

    def command(self, statement: str) -> None:
        """Run a statement that answers nothing."""

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Insert RowBinary."""


@dataclass(frozen=True, slots=True)
class SettlingStore:
    """The tables that settling reads and writes."""

    database: SettlingDatabase

    def waiting(
        self, quiet: float, most: int, each: int = 1_000_000, part: HashShare = EVERYTHING
    ) -> list[PendingRun]:
        """The runs of a part for which nothing came in the last seconds and that are not settled, oldest first.

        So many at most, and of one tenant no more than `each`.
        """
        parameters = {"quiet": round(quiet * 1000), "most": most, "each": each, **part._asdict()}
        rows = self.database.query(_MARKS, parameters)
        return [PendingRun(str(row[0]), bytes(row[1]), *row[2:]) for row in rows]

    def in_range(self, since: int, until: int) -> list[PendingRun]:
        """Every run with a step that began in a range of time; those set aside are done then, too."""
        rows = self.database.query(_RANGE, {"since": since, "until": until})
        marks = [PendingRun(str(row[0]), bytes(row[1]), *row[2:]) for row in rows]
        aside = self.set_aside_before()
        return [mark._replace(touched=max(mark.touched, aside.get(mark[:2], 0))) for mark in marks]

    def with_previous_range(self, marks: Sequence[PendingRun]) -> tuple[list[PendingRun], Ranges]:
        """The marks with the times of what was settled before, and the runs that were, with these times.

        A run whose records are not counted may have some at any time.
        """
        before: dict[RunKey, tuple[int, int]] = {}
        # Another tenant may have a run of the same id, which this round leaves as it is.
        these = {mark[:2] for mark in marks}
        runs = {"runs": sql.runs(marks)}
        for tenant, run_id, started, ended, counted in self.database.query(render(sql.BEFORE, runs)):
            if (run := (str(tenant), bytes(run_id))) in these:
                before[run] = (started, ended) if counted else _EVER
        for tenant, run_id in self.database.query(render(sql.UNCOUNTED, runs)):
            if (run := (str(tenant), bytes(run_id))) in these:
                before[run] = _EVER
        wide = []
        for mark in marks:
            started, ended = before.get(mark[:2], (mark.earliest, mark.latest))
            wide.append(mark._replace(earliest=min(started, mark.earliest), latest=max(ended, mark.latest)))
        return wide, before

    def read(self, marks: Sequence[PendingRun]) -> StoredRows:
        """Everything stored of these runs, and of runs of other tenants that have their ids."""
        told = (
            self.database.row_binary(sql.recorded(row, marks)) for row in (SignalRow, DecisionRow, FailureRow)
        )
        return StoredRows(
            steps=self._select(StepRow, sql.rows_of_runs(StepRow, marks)),
            links=self._select(SpanLinkRow, sql.rows_of_runs(SpanLinkRow, marks)),
            candidates=self._select(RunRow, sql.rows_of_runs(RunRow, marks)),
            # What is said of a run's end may have come long after it.
            outcomes=self._select(OutcomeRow, sql.runs(marks)),
            told=b"".join(told),
        )

    def confirmed_tools(self, owners: Collection[tuple[str, str]], since: int) -> list[tuple[str, str, str]]:
        """Tenant, agent and name of each tool that ran for one of these agents in the month before (ns), or later."""
        statement = render(sql.TOOLS, {"owners": sql.pairs(owners), "unconfirmed": UNCONFIRMED})
        rows = self.database.query(statement, {"since": since})
        return [(str(tenant), str(agent), str(name)) for tenant, agent, name in rows]

    def write(self, made: Sequence[SettledRuns], before: Ranges, settled_at: int) -> None:
        """Inserts the results and soft-deletes rows that this round no longer produces."""
        earlier = _settled_earlier(made, before)
        # The facts last: a run of which a part was refused is not taken for settled.
        for row in reversed(DERIVED_ROWS):
            blocks = [each.blocks[row.TABLE] for each in made]
            if earlier:
                stored = self._select(row, sql.rows_of_runs(row, earlier))
                blocks.append(withdrawn(row, stored, made, before.keys(), settled_at=settled_at))
            self._insert(row, b"".join(blocks))

    def mark_settled(self, marks: Sequence[PendingRun]) -> None:
        """Note up to when everything that arrived for these runs is settled, and move the watermark."""
        if marks:
            self.database.command(f"INSERT INTO run_marks VALUES {sql.settled_marks(marks)}")  # noqa: S608 - of ours
        self.database.command(_PROGRESS)

    def set_aside(self, mark: PendingRun, seconds: int) -> None:
        """Sets a run aside for some seconds."""
        again = sql.marks_again(mark, seconds)
        self.database.command(f"INSERT INTO run_marks SELECT * FROM ({again})")  # noqa: S608 - of ours
        self.database.command(_PROGRESS)

    def set_aside_before(self) -> dict[RunKey, int]:
        """The runs that wait because they could not be settled, each with the time (ns) until which it does."""
        rows = self.database.query(_SET_ASIDE)
        return {(str(tenant), bytes(run_id)): until for tenant, run_id, until in rows}

    def keep_thresholds(self, thresholds: Mapping[str, int]) -> None:
        """Stores the thresholds of derived signals from now on."""
        values = ", ".join(f"('{name}', {value:d}, now64(9))" for name, value in thresholds.items())
        self.database.command(f"INSERT INTO derive_thresholds VALUES {values}")  # noqa: S608 - of ours

    def _select(self, row: type[Row], where: str) -> bytes:
        """Rows of a table as it stores them."""
        statement = f"SELECT {', '.join(columns(row))} FROM {row.TABLE} FINAL WHERE {where}"  # noqa: S608 - of ours
        return self.database.row_binary(statement)

    def _insert(self, row: type[Row], data: bytes) -> None:
        if data:
            token = hashlib.blake2b(data, digest_size=16).hexdigest()
            self.database.insert(row.TABLE, list(columns(row)), data, token=token)


def _settled_earlier(made: Sequence[SettledRuns], before: Ranges) -> list[PendingRun]:
    """The runs that were settled before, each with a range of time that holds all that earlier rounds made of it.

    Every row that a round makes has the start or the end of a span, and the facts of that round reach from the
    first start to the last end. A round takes back what it does not make again, so what is left of earlier rounds
    lies within the facts that are stored; and what a round wrote that ended before it wrote facts was made of spans
    that this round has read, which lie within its own.
    """
    now = {run.key: run.span for each in made for run in each.runs} if before else {}
    found = []
    for run, (start, end) in before.items():
        first, last = now.get(run) or (start, end)
        found.append(PendingRun(*run, 0, min(start, first), max(end, last)))
    return found
