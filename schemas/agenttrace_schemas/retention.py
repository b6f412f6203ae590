"""How long each table keeps its rows, as ClickHouse TTLs that a configuration sets.

A TTL drops whole parts (`ttl_only_drop_parts`), so a row stays at most one partition longer than told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Counts of requests: they name no run, no agent and no conversation.
_RECEIPTS: Final = "gate_receipts"
# Per kind of record: the tables that hold it, each with the time by which its rows grow old.
_TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "runs": {"agent_runs": "started_at", "run_facts": "started_at", "agent_outcomes": "recorded_at"},
    "steps": {"agent_steps": "started_at", "settled_steps": "started_at"},
    "failures": {"agent_failures": "occurred_at", "derived_failures": "occurred_at"},
    "decisions": {"agent_decisions": "recorded_at", "derived_decisions": "recorded_at"},
    "quality_signals": {"agent_quality_signals": "recorded_at", "derived_signals": "recorded_at"},
    "evaluations": {"agent_evaluations": "recorded_at"},
    "rejections": {"agent_rejections": "rejected_at", _RECEIPTS: "received_at"},
    "span_links": {"span_links": "created_at"},
}
KINDS: Final = tuple(_TABLES)
# The kinds of what the facts of a run count.
COUNTED: Final = ("failures", "decisions", "quality_signals")
# Every table that holds anything of a run, with the time that places its rows.
TIMES: Final[Mapping[str, str]] = {
    **{table: time for tables in _TABLES.values() for table, time in tables.items() if table != _RECEIPTS},
    "span_links": "started_at",
    "run_marks": "latest",
    "uncounted_runs": "latest",
}


def expiries(seconds: Mapping[str, float | None]) -> dict[str, str]:
    """Returns the TTL expression of each table as the engine writes it, empty for none; `seconds` by kind of record."""
    found = {
        table: f"toDateTime({time}) + toIntervalSecond({int(age)})" if age else ""
        for kind, age in seconds.items()
        for table, time in _TABLES[kind].items()
    }
    if not seconds:
        return found
    # As long as any record that may stand in an uncounted run.
    ages = [seconds.get(kind) for kind in COUNTED]
    longest = "" if None in ages else f"toDateTime(latest) + toIntervalSecond({int(max(filter(None, ages)))})"
    return {**found, "uncounted_runs": longest}


def kept_seconds(seconds: Mapping[str, float | None]) -> dict[str, int]:
    """Returns for how many seconds each table keeps rows after their own time; tables without a limit are left out."""
    return {
        table: int(age)
        for kind, age in seconds.items()
        for table, time in _TABLES[kind].items()
        if age and time == TIMES.get(table, time)
    }


def counted_since(kind: str, before: int, seconds: int) -> str:
    """Returns the INSERT that records the TTL of a kind, in seconds, 0 for none; what expired under the one before is gone."""
    since = f"now64(9) - toIntervalSecond({before})" if before else "toDateTime64(0, 9, 'UTC')"
    return f"INSERT INTO counted_since SELECT '{kind}', {since}, {seconds}, now64(9)"


def apply_expiry(table: str, expiry: str) -> str:
    """Returns the ALTER that sets the TTL of a table, or removes it if `expiry` is empty."""
    return f"ALTER TABLE {table} " + (f"MODIFY TTL {expiry}" if expiry else "REMOVE TTL")
