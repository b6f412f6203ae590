"""Decisions by type and reason, and quality signals beside how runs ended; each row leads to its runs."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from agenttrace_collector.api.deps import TenantQueries, with_decisions
from agenttrace_collector.web.charts import Chart, chart_height, columns, horizontal_bars, lines, stacked
from agenttrace_collector.web.deps import current_reader, filters


def require_decisions(request: Request) -> TenantQueries:
    """Identifies the reader; raises `SwitchedOff` if this collector stores no decisions and signals."""
    return with_decisions(current_reader(request))


async def decisions(request: Request) -> tuple[str, dict[str, Any]]:
    """How often each reason was stated, when, and how confident agents were."""
    who, chosen = require_decisions(request), filters(request)
    bound = chosen.bound()
    names = ("decisions_aggregate", "decisions_over_time", "decisions_confidence", "agents")
    counted, over_time, confidence, agents = await asyncio.gather(
        *(who.records(name, bound) for name in names)
    )
    labels = [f"{row['decision_type']} · {row['reason_code']}" for row in counted]
    return "decisions.html", {
        "title": "Decisions",
        "agents": agents,
        "rows": counted,
        "charts": [
            Chart(
                "Decisions by type and stated reason",
                horizontal_bars(labels, [row["count"] for row in counted], "count"),
                ("decision_type", "reason_code", "count", "runs", "avg_confidence", "agent_versions"),
                counted,
                chosen.link("/csv/decisions_aggregate"),
                height=chart_height(len(counted)),
            ),
            Chart(
                "Decisions over time, by type",
                lines(over_time, "time", "count", "decision_type"),
                ("time", "decision_type", "count", "runs"),
                over_time,
                chosen.link("/csv/decisions_over_time"),
            ),
            Chart(
                "Stated confidence, by tenths from 0 to 1",
                columns(confidence, "from_confidence", "count", "decision_type"),
                ("decision_type", "from_confidence", "count"),
                confidence,
                chosen.link("/csv/decisions_confidence"),
                {"barmode": "stack", "xaxis": {"range": [0, 1]}},
            ),
        ],
    }


async def signals(request: Request) -> tuple[str, dict[str, Any]]:
    """How often each code was observed as true and as false, when, and how the runs with it ended."""
    who, chosen = require_decisions(request), filters(request)
    bound = chosen.bound()
    names = ("signals_aggregate", "signals_over_time", "correlate_signals_outcomes", "agents")
    counted, over_time, outcomes, agents = await asyncio.gather(*(who.records(name, bound) for name in names))
    labels = [f"{row['signal_type']} · {row['signal_code']}" for row in counted]
    shares = [100 * (row["run_rate"] or 0.0) for row in counted]
    return "signals.html", {
        "title": "Signals",
        "agents": agents,
        "rows": counted,
        "outcomes": {(row["signal_type"], row["signal_code"]): row for row in outcomes},
        "charts": [
            Chart(
                "Runs in which a signal was true, % of those in which it was observed",
                horizontal_bars(labels, shares, "% of runs"),
                (
                    "signal_type",
                    "signal_code",
                    "true_count",
                    "false_count",
                    "runs",
                    "runs_with_true",
                    "run_rate",
                ),
                counted,
                chosen.link("/csv/signals_aggregate"),
                height=chart_height(len(counted)),
            ),
            Chart(
                "Signals over time, true and false",
                stacked(_by_time(over_time), "time", {"true_count": "true", "false_count": "false"}),
                ("time", "signal_type", "true_count", "false_count"),
                over_time,
                chosen.link("/csv/signals_over_time"),
                {"barmode": "stack"},
            ),
        ],
    }


def _by_time(rows: Any) -> list[dict[str, Any]]:
    """All types together, interval by interval."""
    sums: dict[Any, dict[str, Any]] = {}
    for row in rows:
        at = sums.setdefault(row["time"], {"time": row["time"], "true_count": 0, "false_count": 0})
        at["true_count"] += row["true_count"]
        at["false_count"] += row["false_count"]
    return list(sums.values())
