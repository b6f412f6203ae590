"""Approvals by tool, reason and rule, over rows whose numbers can be counted by hand.

`coder` asked for `Bash` in runs 1 to 4 and for `Read` in runs 1 to 10. Of five decisions on `Bash` a rule took
one, a person four: let through after 100, 300 and 500 ms, and denied after 900 ms in run 4. `Read` was let through
ten times, eight times by the mode and twice for no stated reason. A hook denied `Write` once, the day before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import pytest
from scipy.stats import norm

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.query.reader import Reader
from agenttrace_schemas.rows import DecisionRow, StepRow
from tests.support.database import insert_statement, new_database, valid_row

TODAY: Final = "2026-09-21 12:00:00"
YESTERDAY: Final = "2026-09-20 12:00:00"
# Tool, run, selected, reason, milliseconds.
DECIDED: Final[Sequence[tuple[str, int, str, str, int | None]]] = (
    ("Bash", 1, "allow", "policy_rule", None),
    ("Bash", 1, "allow", "user_once", 100),
    ("Bash", 2, "allow", "user_always", 300),
    ("Bash", 3, "allow", "user_once", 500),
    ("Bash", 4, "deny", "user_reject", 900),
    *(("Read", run, "allow", "mode" if run < 9 else "unstated", None) for run in range(1, 11)),
)
# Of the decisions, the one of which a span below the call tells how long it waited.
TOLD_BY_SPAN: Final = 2


def row(
    number: int, tool: str, run: int, selected: str, reason: str, wait: int | None, at: str = TODAY
) -> str:
    """The insert of one decision."""
    values = valid_row(
        DecisionRow,
        decision_id=str(UUID(int=number + 1)),
        run_id=str(UUID(int=run)),
        decision_type="approval",
        selected=selected,
        reason_code=reason,
        tool_name=tool,
        wait_ms=wait,
        recorded_at=at,
        created_at=at,
        tenant="default",
        agent_id="coder",
        agent_version="1",
        environment="prod",
    )
    return insert_statement(DecisionRow, values)


def wait(number: int, milliseconds: float) -> str:
    """The insert of a span below a call: so long a person made it wait for that decision."""
    values = valid_row(
        StepRow,
        step_id=str(UUID(int=100 + number)),
        run_id=str(UUID(int=DECIDED[number][1])),
        decision_id=str(UUID(int=number + 1)),
        role="wrapper",
        latency_ms=milliseconds,
        **dict.fromkeys(("started_at", "ended_at", "created_at"), TODAY),
        tenant="default",
        agent_id="coder",
        agent_version="1",
        environment="prod",
    )
    return insert_statement(StepRow, values)


@cache
def database() -> ClickHouse:
    """One with these decisions, one of another type, and one of another tenant; a span tells how long one waited."""
    filled = new_database()
    for number, (tool, run, selected, reason, waited) in enumerate(DECIDED):
        stated = None if number == TOLD_BY_SPAN else waited
        filled.command(row(number, tool, run, selected, reason, stated))
    filled.command(wait(TOLD_BY_SPAN, 300.4))
    filled.command(row(50, "Write", 20, "deny", "hook", None, at=YESTERDAY))
    other = row(60, "Bash", 1, "deny", "hook", None).replace("'default'", "'other'")
    filled.command(other)
    filled.command(insert_statement(DecisionRow, valid_row(DecisionRow, tenant="default", recorded_at=TODAY)))
    return filled


def asked(name: str, **filters: Any) -> list[dict[str, Any]]:
    """The rows of a named query, of the day and all agents unless a filter says otherwise."""
    reader = Reader(database())
    parameters = {
        **dict.fromkeys(("agent_id", "agent_version", "environment", "source", "tool"), ""),
        "start_time": datetime(2026, 9, 21, tzinfo=UTC),
        "end_time": datetime(2026, 9, 22, tzinfo=UTC),
        **filters,
    }
    return reader.ask_now(name, "default", parameters).records()


def of(rows: list[dict[str, Any]], tool: str) -> dict[str, Any]:
    """The one row of a tool."""
    (found,) = [each for each in rows if each["tool_name"] == tool]
    return found


def wilson(k: int, n: int) -> tuple[float, float]:
    """The interval at 95 %, as its formula says."""
    z = norm.ppf(0.975)
    centre, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * (k * (n - k) / n + z * z / 4) ** 0.5
    return centre - half, centre + half


def test_a_tool_that_people_were_asked_about() -> None:
    """Five decisions in four runs: four by a person, one of them a denial."""
    bash = of(asked("approvals_tools"), "Bash")
    counts = [
        bash[name] for name in ("decided", "allowed", "denied", "asked", "unstated", "runs", "denied_runs")
    ]
    assert counts == [5, 4, 1, 4, 0, 4, 1]
    assert (bash["denied_share"], bash["asked_share"], bash["always_allowed"]) == (0.2, 0.8, False)
    assert (bash["asked_runs"], bash["asked_run_rate"]) == (4, 1.0)
    assert bash["denied_run_rate"] == 0.25
    assert (bash["denied_run_rate_low"], bash["denied_run_rate_high"]) == pytest.approx(wilson(1, 4))


def test_how_long_calls_waited() -> None:
    """100, 300, 500 and 900 ms; a rule makes nobody wait."""
    bash = of(asked("approvals_tools"), "Bash")
    assert (bash["waits"], bash["wait_total_ms"], bash["wait_p95_ms"]) == (4, 1800, 900)
    assert bash["wait_p50_ms"] in {300, 500}


def test_a_tool_that_was_always_let_through() -> None:
    """Denied in none of ten runs, which agrees with up to 27.75 % of runs; two of ten reasons are not stated."""
    read = of(asked("approvals_tools"), "Read")
    assert (read["always_allowed"], read["denied_runs"], read["runs"], read["unstated"]) == (True, 0, 10, 2)
    assert (read["denied_run_rate_low"], read["asked_share"]) == (0.0, 0.0)
    assert read["denied_run_rate_high"] == pytest.approx(wilson(0, 10)[1]) == pytest.approx(0.2775, abs=1e-4)
    assert (read["waits"], read["wait_p50_ms"], read["wait_p95_ms"], read["wait_total_ms"]) == (
        0,
        None,
        None,
        None,
    )


def test_reasons_are_counted() -> None:
    """Each tool's, with how long they waited."""
    found = {
        (each["tool_name"], each["selected"], each["reason_code"]): (
            each["count"],
            each["runs"],
            each["wait_max_ms"],
        )
        for each in asked("approvals_reasons")
    }
    assert found == {
        ("Bash", "allow", "policy_rule"): (1, 1, None),
        ("Bash", "allow", "user_once"): (2, 2, 500),
        ("Bash", "allow", "user_always"): (1, 1, 300),
        ("Bash", "deny", "user_reject"): (1, 1, 900),
        ("Read", "allow", "mode"): (8, 8, None),
        ("Read", "allow", "unstated"): (2, 2, None),
    }


def test_a_rule_that_did_not_fire_is_told() -> None:
    """The hook of the day before first; what people answered is no rule."""
    found = [(each["tool_name"], each["reason_code"], each["count"]) for each in asked("approvals_rules")]
    assert found == [("Write", "hook", 0), ("Bash", "policy_rule", 1), ("Read", "mode", 8)]
    assert asked("approvals_rules")[0]["last"].day == 20


@pytest.mark.parametrize(
    ("filters", "tools"),
    [
        ({"tool": "Read"}, ["Read"]),
        ({"agent_id": "nobody"}, []),
        ({"source": "derived"}, []),
        ({"start_time": datetime(2026, 9, 20, tzinfo=UTC)}, ["Read", "Bash", "Write"]),
    ],
)
def test_filters_narrow(filters: dict[str, Any], tools: list[str]) -> None:
    """As everywhere."""
    assert [each["tool_name"] for each in asked("approvals_tools", **filters)] == tools
