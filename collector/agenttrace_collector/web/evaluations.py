"""The page of evaluations: what evaluators measured, and beside which decisions and signals it differs."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from agenttrace_collector.web.charts import Chart, chart_height, horizontal_bars
from agenttrace_collector.web.deps import filters
from agenttrace_collector.web.events import require_decisions


async def evaluations(request: Request) -> tuple[str, dict[str, Any]]:
    """Each name with the numbers of runs, and the differences between runs with and without a decision or signal."""
    who, chosen = require_decisions(request), filters(request)
    bound = chosen.bound()
    names = ("evaluations_aggregate", "correlate_evaluations", "agents")
    counted, found, agents = await asyncio.gather(*(who.records(name, bound) for name in names))
    columns = ("name", "count", "runs", "scored_runs", "mean", "median", "least", "most", "errors")
    scored = [row for row in counted if row["mean"] is not None]
    bars = horizontal_bars([row["name"] for row in scored], [row["mean"] for row in scored], "mean of runs")
    title = "Mean of the runs' numbers, by evaluation"
    return "evaluations.html", {
        "title": "Evaluations",
        "agents": agents,
        "rows": counted,
        "found": found,
        "found_csv": chosen.link("/csv/correlate_evaluations"),
        "charts": [
            Chart(
                title,
                bars,
                columns,
                counted,
                chosen.link("/csv/evaluations_aggregate"),
                height=chart_height(len(scored)),
            )
        ],
    }
