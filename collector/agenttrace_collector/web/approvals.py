"""The page of approvals: which calls of tools were let through, by whom, how long they waited, and silent rules."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from agenttrace_collector.web.charts import Chart, chart_height, horizontal_bars
from agenttrace_collector.web.deps import filters
from agenttrace_collector.web.events import require_decisions


async def approvals(request: Request) -> tuple[str, dict[str, Any]]:
    """Tools with what was decided of their calls, the stated reasons, and rules that did not fire."""
    who, chosen = require_decisions(request), filters(request)
    bound = chosen.bound()
    names = ("approvals_tools", "approvals_reasons", "approvals_rules", "agents")
    tools, reasons, rules, agents = await asyncio.gather(*(who.records(name, bound) for name in names))
    return "approvals.html", {
        "title": "Approvals",
        "agents": agents,
        "tools": tools,
        "rules": rules,
        "rules_csv": chosen.link("/csv/approvals_rules"),
        "charts": [
            _by_tool(tools, chosen.link("/csv/approvals_tools")),
            _by_reason(reasons, chosen.link("/csv/approvals_reasons")),
        ],
    }


def _by_tool(rows: Any, csv: str) -> Chart:
    """Of the decisions on each tool's calls, the share that denied them."""
    labels = [
        f"{row['agent_id']} {row['agent_version']} · {row['tool_name'] or 'no tool named'}" for row in rows
    ]
    columns = ("agent_id", "agent_version", "tool_name", "decided", "allowed", "denied", "asked", "unstated")
    bars = horizontal_bars(labels, [100 * (row["denied_share"] or 0.0) for row in rows], "% denied", 2)
    title = "Decisions that denied the call, % by tool"
    return Chart(title, bars, columns, rows, csv, height=chart_height(len(rows)))


def _by_reason(rows: Any, csv: str) -> Chart:
    """How often each tool's calls were decided for each reason."""
    labels = [f"{row['tool_name']} · {row['selected']} · {row['reason_code']}" for row in rows]
    columns = (
        *("agent_id", "agent_version", "tool_name", "selected", "reason_code"),
        *("count", "runs", "wait_p50_ms", "wait_max_ms"),
    )
    bars = horizontal_bars(labels, [row["count"] for row in rows], "count")
    title = "Decisions by tool and stated reason"
    return Chart(title, bars, columns, rows, csv, height=chart_height(len(rows)))
