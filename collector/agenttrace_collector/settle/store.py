"""Reads the rows of unsettled runs and writes the results."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from agenttrace_collector.clickhouse.rowbinary import encode
from agenttrace_collector.settle import sql
from agenttrace_collector.settle.model import (
    EVERYTHING,
    HashShare,
    PendingRun,
    Recorded,
    RunKey,
    RunRows,
    Settled,
    Told,
)
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
# Of two outcomes that were said at one time, the view of runs that wait chooses the same.
_WHEN_SAID: Final = attrgetter("recorded_at", "created_at", "status", "failure_type", "failure_code")
# Runs that were settled before, with the first start and the last end (ns) that their facts ever said.
Ranges: TypeAlias = Mapping[RunKey, tuple[int, int]]


@runtime_checkable
class SettlingDatabase(Protocol):
    """The database calls that settling uses."""

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """The rows of a query."""

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

    def read(self, marks: Sequence[PendingRun]) -> list[RunRows]:
        """Everything stored of these runs."""
        outcomes = self._outcomes(marks)
        by_class = {row: self._rows(row, marks) for row in (StepRow, SpanLinkRow, RunRow)}
        recorded = self._recorded(marks)
        return [
            RunRows(
                mark.tenant,
                mark.run_id,
                steps=by_class[StepRow][mark[:2]],
                links=by_class[SpanLinkRow][mark[:2]],
                candidates=by_class[RunRow][mark[:2]],
                recorded=recorded.get(mark[:2], Recorded()),
                outcome=outcomes.get(mark[:2]),
            )
            for mark in marks
        ]

    def confirmed_tools(self, owners: Collection[tuple[str, str]], since: int) -> list[tuple[str, str, str]]:
        """Tenant, agent and name of each tool that ran for one of these agents in the month before (ns), or later."""
        statement = render(sql.TOOLS, {"owners": sql.pairs(owners), "unconfirmed": UNCONFIRMED})
        rows = self.database.query(statement, {"since": since})
        return [(str(tenant), str(agent), str(name)) for tenant, agent, name in rows]

    def write(self, settled: Sequence[Settled], before: Ranges, settled_at: int) -> None:
        """Inserts the results and soft-deletes rows that this round no longer produces."""
        made: defaultdict[str, list[Row]] = defaultdict(list)
        for each in settled:
            for row in (
                each.facts,
                *each.steps,
                *each.signals,
                *each.decisions,
                *each.failures,
                *each.uncounted,
            ):
                if row is not None:
                    made[row.TABLE].append(row)
        earlier = _settled_earlier(settled, before)
        # The facts last: a run of which a part was refused is not taken for settled.
        for row_class in reversed(DERIVED_ROWS):
            rows = made[row_class.TABLE]
            if earlier:
                rows += self._withdrawn(row_class, earlier, rows, settled_at)
            self._insert(row_class, rows)

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

    def _rows(self, row: type[Row], marks: Sequence[PendingRun]) -> defaultdict[RunKey, list[Any]]:
        found: defaultdict[RunKey, list[Any]] = defaultdict(list)
        for made in self._select(row, sql.rows_of_runs(row, marks)):
            found[made.tenant, made.run_id].append(made)
        return found

    def _select(self, row: type[Row], where: str) -> Iterator[Any]:
        """Rows of a table, their values as the row classes have them."""
        statement = f"SELECT {sql.selected(row)} FROM {row.TABLE} FINAL WHERE {where}"  # noqa: S608 - of ours
        names = tuple(columns(row))
        optional = [name for name, column in columns(row).items() if column.type == "Nullable(UUID)"]
        for values in self.database.query(statement):
            made = dict(zip(names, values, strict=True))
            for name in optional:
                made[name] = made[name] if any(made[name]) else None
            yield row(**made)

    def _outcomes(self, marks: Sequence[PendingRun]) -> dict[RunKey, OutcomeRow]:
        """The latest outcome of each run that has one; it may have come long after the run."""
        found = sorted(self._select(OutcomeRow, sql.runs(marks)), key=_WHEN_SAID)
        return {(row.tenant, row.run_id): row for row in found}

    def _recorded(self, marks: Sequence[PendingRun]) -> dict[RunKey, Recorded]:
        stated: dict[type[Row], defaultdict[RunKey, list[tuple[bytes | None, str]]]] = {}
        told: defaultdict[RunKey, list[Told]] = defaultdict(list)
        for row in (SignalRow, DecisionRow, FailureRow):
            found = stated[row] = defaultdict(list)
            for tenant, run_id, step_id, kind, *rest in self.database.query(sql.stated(row, marks)):
                run = (str(tenant), bytes(run_id))
                found[run].append((bytes(step_id) if any(step_id) else None, str(kind)))
                told[run].append(Told._make([*map(str, rest[:-2]), *rest[-2:]]))
        return {
            run: Recorded(
                frozenset(stated[SignalRow][run]),
                frozenset(stated[DecisionRow][run]),
                frozenset(step_id for step_id, _ in stated[FailureRow][run]),
                tuple(each),
            )
            for run, each in told.items()
        }

    def _withdrawn(
        self, row: type[Row], earlier: Sequence[PendingRun], made: Iterable[Row], settled_at: int
    ) -> list[Row]:
        """The rows of earlier rounds under a key that this round did not make, as taken back."""
        key = attrgetter(*row.SORT_KEY)
        keys = {key(each) for each in made}
        runs = {mark[:2] for mark in earlier}
        return [
            replace(each, is_deleted=1, settled_at=settled_at)
            for each in self._select(row, sql.rows_of_runs(row, earlier))
            if key(each) not in keys and (each.tenant, each.run_id) in runs
        ]

    def _insert(self, row: type[Row], rows: Sequence[Row]) -> None:
        if rows:
            data = b"".join(map(encode, rows))
            token = hashlib.blake2b(data, digest_size=16).hexdigest()
            self.database.insert(row.TABLE, list(columns(row)), data, token=token)


def _settled_earlier(settled: Iterable[Settled], before: Ranges) -> list[PendingRun]:
    """The runs that were settled before, each with a range of time that holds all that earlier rounds made of it.

    Every row that a round makes has the start or the end of a span, and the facts of that round reach from the
    first start to the last end. A round takes back what it does not make again, so what is left of earlier rounds
    lies within the facts that are stored; and what a round wrote that ended before it wrote facts was made of spans
    that this round has read, which lie within its own.
    """
    now = {(each.facts.tenant, each.facts.run_id): each.facts for each in settled if each.facts}
    found = []
    for run, (start, end) in before.items():
        facts = now.get(run)
        first, last = (facts.started_at, facts.ended_at) if facts else (start, end)
        found.append(PendingRun(*run, 0, min(start, first), max(end, last)))
    return found
