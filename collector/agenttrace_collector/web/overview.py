"""The overview: runs over time, latency, failures, decisions and signals at a glance, what was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

from starlette.requests import Request

from agenttrace_collector.web.charts import Chart, chart_height, horizontal_bars, lines, stacked
from agenttrace_collector.web.deps import current_reader, filters

_ALWAYS: Final = (
    "stats",
    "agents",
    "runs_over_time",
    "step_latency_over_time",
    "step_latency",
    "failures_aggregate",
    "rejections_aggregate",
)
_WHERE_KEPT: Final = ("decisions_aggregate", "signals_aggregate")
_OUTCOMES: Final = {"successful": "success", "failed": "failure", "partial": "partial"}


async def overview(request: Request) -> tuple[str, dict[str, Any]]:
    """The first page."""
    who, chosen = current_reader(request), filters(request)
    is_kept = who.answers.policy.decisions
    names = (*_ALWAYS, *(_WHERE_KEPT if is_kept else ()))
    rows = await asyncio.gather(*(who.records(name, chosen.bound()) for name in names))
    found = dict(zip(names, rows, strict=True))
    return "overview.html", {
        "title": "Overview",
        "agents": found["agents"],
        "stats": found["stats"][0],
        "is_kept": is_kept,
        "refused": found["rejections_aggregate"],
        "refused_csv": chosen.link("/csv/rejections_aggregate"),
        "charts": list(_charts(found, chosen.link)),
        "latency": found["step_latency"][:20],
        "latency_csv": chosen.link("/csv/step_latency"),
    }


def _charts(found: Mapping[str, Any], link: Any) -> Iterator[Chart]:
    runs, latency = found["runs_over_time"], found["step_latency_over_time"]
    yield Chart(
        "Runs over time, by how they ended",
        stacked(runs, "time", _OUTCOMES),
        ("time", "runs", "successful", "failed", "partial"),
        runs,
        link("/csv/runs_over_time"),
        {"barmode": "stack"},
    )
    yield Chart(
        "Latency of calls over time, 95th percentile, ms",
        lines(latency, "time", "p95_ms", "step_type"),
        ("time", "step_type", "steps", "p50_ms", "p95_ms"),
        latency,
        link("/csv/step_latency_over_time"),
    )
    yield _counted("Failures by type and code", "failure", found["failures_aggregate"], link)
    if "decisions_aggregate" in found:
        yield _counted("Decisions by type and reason", "decision", found["decisions_aggregate"], link)
        yield _signals(found["signals_aggregate"], link)


def _counted(title: str, kind: str, rows: Any, link: Any) -> Chart:
    second = "reason_code" if kind == "decision" else f"{kind}_code"
    labels = [f"{row[f'{kind}_type']} · {row[second]}" for row in rows]
    traces = horizontal_bars(labels, [row["count"] for row in rows], "count", 2 if kind == "failure" else 1)
    columns = (f"{kind}_type", second, "count", "runs")
    return Chart(
        title, traces, columns, rows, link(f"/csv/{kind}s_aggregate"), height=chart_height(len(rows))
    )


def _signals(rows: Any, link: Any) -> Chart:
    labels = [f"{row['signal_type']} · {row['signal_code']}" for row in rows]
    told = (("true_count", "true", 1), ("false_count", "false", 2))
    traces = [
        each
        for key, name, place in told
        for each in horizontal_bars(labels, [row[key] for row in rows], name, place)
    ]
    columns = ("signal_type", "signal_code", "true_count", "false_count", "runs")
    layout = {"barmode": "stack"}
    return Chart(
        "Quality signals by type and code",
        traces,
        columns,
        rows,
        link("/csv/signals_aggregate"),
        layout,
        chart_height(len(rows)),
    )
