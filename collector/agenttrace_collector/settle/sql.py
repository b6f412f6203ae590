"""SQL fragments of settling; they contain only numbers and our own ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from agenttrace_collector.settle.model import DENIAL, PendingRun
from agenttrace_schemas.expressions import quoted
from agenttrace_schemas.retention import TIMES
from agenttrace_schemas.rows import Row, columns

# Rows of a run reach beyond the times of those that made it wait.
_MARGIN: Final = 3_600 * 10**9
# The marks that may still be unsettled. A row that is written after the watermark was read may carry an earlier
# mark, by as much as an insert takes. Where nothing was settled yet, the watermark is 1970, and ClickHouse 25.5
# finds no partition after a time before it.
UNSETTLED_MARKS: Final = (
    "marked_at > (SELECT greatest(max(watermark), toDateTime64('1971-01-01 00:00:00', 9, 'UTC'))"
    " FROM settle_progress) - INTERVAL 5 MINUTE"
)
# Tools of agents that calls in the month before confirm.
TOOLS: Final = """
SELECT DISTINCT tenant, agent_id, tool_name
FROM agent_steps
WHERE (tenant, agent_id) IN (${owners}) AND started_at > fromUnixTimestamp64Nano({since:Int64}) - INTERVAL 30 DAY
    AND tool_name != '' AND tool_name NOT LIKE '${unconfirmed}%'
LIMIT 100000
"""
# Since when and until when earlier rounds have runs, and whether all of them counted what is stored.
BEFORE: Final = """
SELECT tenant, UUIDToNum(run_id), toUnixTimestamp64Nano(min(started_at)), toUnixTimestamp64Nano(max(ended_at)), min(counted)
FROM run_facts WHERE ${runs}
GROUP BY tenant, run_id
"""
UNCOUNTED: Final = "SELECT DISTINCT tenant, UUIDToNum(run_id) FROM uncounted_runs WHERE ${runs}"


def pairs(values: Iterable[tuple[str, str]]) -> str:
    """Pairs of texts as a list of literals."""
    return ", ".join(f"({quoted(first)}, {quoted(second)})" for first, second in sorted(values))


def run_ids(ids: Iterable[bytes]) -> str:
    """Run ids as a list of literals."""
    return ", ".join(f"'{_uuid(each)}'" for each in ids)


def _uuid(raw: bytes) -> str:
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def runs(marks: Sequence[PendingRun]) -> str:
    """The condition that a row is of one of these runs."""
    return f"run_id IN ({run_ids(mark.run_id for mark in marks)})"


def rows_of_runs(row: type[Row], marks: Sequence[PendingRun]) -> str:
    """The condition that a row is of one of these runs; its time range limits the parts that are read."""
    earliest, latest = min(mark.earliest for mark in marks), max(mark.latest for mark in marks)
    time = TIMES[row.TABLE]
    return (
        f"{runs(marks)} AND {time} >= fromUnixTimestamp64Nano({earliest - _MARGIN:d})"
        f" AND {time} <= fromUnixTimestamp64Nano({latest + _MARGIN:d})"
    )


def recorded(row: type[Row], marks: Sequence[PendingRun]) -> str:
    """The query of what the agent recorded of these runs, with the columns of `stored.TOLD_COLUMNS`."""
    of_type, code = (name for name in columns(row) if name.endswith(("_type", "_code")))
    kind = of_type.removesuffix("_type")
    number = {"decision": "confidence", "signal": "toFloat64(value)"}.get(kind, "NULL")
    stated = f"toString({of_type})"
    if of_type == "decision_type":
        stated = f"if({of_type} = 'approval' AND selected = 'deny', {quoted(DENIAL)}, {stated})"
    return (
        f"SELECT tenant, run_id, step_id, {stated}, {quoted(kind)}, {of_type}, {code}, agent_id, agent_version,"  # noqa: S608
        f" environment, {TIMES[row.TABLE]}, CAST({number}, 'Nullable(Float64)')"
        f" FROM {row.TABLE} FINAL WHERE {rows_of_runs(row, marks)}"
    )


def settled_marks(marks: Sequence[PendingRun]) -> str:
    """The rows of `run_marks` that mark these runs as settled."""
    return ", ".join(
        f"(fromUnixTimestamp64Nano({mark.touched:d}), {quoted(mark.tenant)}, '{_uuid(mark.run_id)}',"
        f" fromUnixTimestamp64Nano({mark.earliest:d}), fromUnixTimestamp64Nano({mark.latest:d}), 1)"
        for mark in marks
    )


def marks_again(mark: PendingRun, seconds: int) -> str:
    """The rows of `run_marks` that settle a run now and mark it again in so many seconds."""
    run = (
        f"{quoted(mark.tenant)}, toUUID('{_uuid(mark.run_id)}'),"
        f" fromUnixTimestamp64Nano({mark.earliest:d}), fromUnixTimestamp64Nano({mark.latest:d})"
    )
    return (
        f"SELECT fromUnixTimestamp64Nano({mark.touched:d}) AS marked_at, {run}, 1 AS settled"
        f" UNION ALL SELECT now64(9) + toIntervalSecond({seconds:d}) AS marked_at, {run}, 0 AS settled"
    )
