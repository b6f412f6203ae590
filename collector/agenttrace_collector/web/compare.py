"""Two versions of an agent side by side: shares with intervals, differences with p and q."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import Request

from agenttrace_collector.web.charts import Chart, chart_height
from agenttrace_collector.web.deps import filters
from agenttrace_collector.web.events import require_decisions

_PARTS: Final = {
    "compare_outcomes": ("How runs ended", ("outcome",)),
    "compare_decisions": ("Decisions, stated in a run", ("decision_type", "reason_code")),
    "compare_signals": ("Quality signals, true in a run", ("signal_type", "signal_code")),
}

_EVALUATIONS: Final = "compare_evaluations"


async def compare(request: Request) -> tuple[str, dict[str, Any]]:
    """Lets the reader choose two versions and shows by what they differ."""
    who, chosen = require_decisions(request), filters(request)
    agents = await who.records("agents", chosen.bound())
    agent = chosen.agent or (agents[0]["agent_id"] if agents else "")
    versions = list(dict.fromkeys(row["agent_version"] for row in agents if row["agent_id"] == agent))
    a = request.query_params.get("a") or (versions[0] if versions else "")
    b = request.query_params.get("b") or (versions[-1] if versions else "")
    found: dict[str, Any] = {
        "title": "Compare",
        "agents": agents,
        "versions": versions,
        "agent": agent,
        "a": a,
        "b": b,
    }
    bound = chosen.bound(agent_id=agent, version_a=a, version_b=b)
    names = (*_PARTS, _EVALUATIONS)
    asked = (
        await asyncio.gather(*(who.records(name, bound) for name in names)) if agent else [[]] * len(names)
    )
    *rows, evaluations = asked
    own = {"agent_id": agent, "version_a": a, "version_b": b}
    parts = [
        {
            "title": title,
            "keys": keys,
            "rows": part,
            "chart": _differences(title, keys, part, chosen.link(f"/csv/{name}", **own)),
        }
        for (name, (title, keys)), part in zip(_PARTS.items(), rows, strict=True)
    ]
    csv = chosen.link(f"/csv/{_EVALUATIONS}", **own)
    return "compare.html", {**found, "parts": parts, "evaluations": evaluations, "evaluations_csv": csv}


def _differences(title: str, keys: Any, rows: Any, csv: str) -> Chart:
    """Points with their intervals around none."""
    told = [row for row in rows if row["difference"] is not None]
    x = [100 * row["difference"] for row in told]
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "difference, points",
            "x": x[::-1],
            "y": [" · ".join(row[key] for key in keys) for row in told][::-1],
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": [100 * (row["difference_high"] - row["difference"]) for row in told][::-1],
                "arrayminus": [100 * (row["difference"] - row["difference_low"]) for row in told][::-1],
            },
            "meta": 1,
        }
    ]
    columns = (*keys, "version_a_run_rate", "version_b_run_rate", "difference", "p_value", "q_value")
    return Chart(
        f"{title}: differs by, in points",
        traces,
        columns,
        rows,
        csv,
        {"zeroline": True},
        chart_height(len(told)),
    )
