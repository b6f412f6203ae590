"""The page of associations: decisions with failures after them, signals with the outcomes of runs."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import Request

from agenttrace_collector.web.charts import Chart, chart_height, heat
from agenttrace_collector.web.deps import filters
from agenttrace_collector.web.events import require_decisions

STRENGTHS: Final = {"0": "any", "0.1": "0.1 or more", "0.3": "0.3 or more", "0.5": "0.5 or more"}


async def associations(request: Request) -> tuple[str, dict[str, Any]]:
    """Shows two heat maps with their tables; rows with too few runs are not tested."""
    who, chosen = require_decisions(request), filters(request)
    strength = request.query_params.get("strength", "0")
    strength = strength if strength in STRENGTHS else "0"
    bound = chosen.bound()
    names = (
        *("correlate_decisions_failures", "correlate_decisions_steps", "correlate_signals_outcomes"),
        "agents",
    )
    decisions, steps, signals, agents = await asyncio.gather(*(who.records(name, bound) for name in names))
    least = float(strength)
    decisions, steps, signals = (
        [row for row in rows if abs(row["effect_size"] or 0.0) >= least]
        for rows in (decisions, steps, signals)
    )
    return "associations.html", {
        "title": "Associations",
        "agents": agents,
        "strength": strength,
        "strengths": STRENGTHS,
        "decisions": decisions,
        "steps": steps,
        "steps_csv": chosen.link("/csv/correlate_decisions_steps"),
        "signals": signals,
        "charts": [
            _failures(decisions, chosen.link("/csv/correlate_decisions_failures")),
            _outcomes(signals, chosen.link("/csv/correlate_signals_outcomes")),
        ],
    }


def _failures(rows: Any, csv: str) -> Chart:
    """Of the runs with a decision, the share in which a failure of each type came after it."""
    types = sorted({kind for row in rows for kind in row["associated_failure_types"]}) or ["any failure"]
    y = [f"{row['decision_type']} · {row['reason_code']}" for row in rows]
    z = [
        [
            round(100 * row["associated_failure_types"].get(kind, 0) / row["runs"], 1)
            if row["runs"]
            else None
            for kind in types
        ]
        for row in rows
    ]
    columns = (
        "decision_type",
        "reason_code",
        "runs",
        "runs_with_failures",
        "correlation_rate",
        "rate_without",
    )
    title = "Decisions and failures after them, % of the runs with the decision"
    return Chart(title, heat(types, y, z, "%"), columns, rows, csv, height=chart_height(len(rows)))


def _outcomes(rows: Any, csv: str) -> Chart:
    """By how many points success with a signal differs from success without it."""
    y = [f"{row['signal_type']} · {row['signal_code']}" for row in rows]
    keys = ("success_rate_when_present", "success_rate_when_absent")
    z = [[None if row[key] is None else round(100 * row[key], 1) for key in keys] for row in rows]
    columns = ("signal_type", "signal_code", "runs_present", "runs_absent", *keys, "p_value", "q_value")
    title = "Quality signals and success, % of the runs with and without the signal"
    x = ("succeeded with it", "succeeded without it")
    return Chart(title, heat(x, y, z, "%"), columns, rows, csv, height=chart_height(len(rows)))
