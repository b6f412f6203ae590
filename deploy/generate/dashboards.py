"""The Grafana dashboards, made from the named queries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agenttrace_collector.query.catalogue import catalogue
from agenttrace_collector.query.filters import END, FILTERS, START

_SCHEMA_VERSION: Final = 39
_WIDTH: Final = 24
_PARAMETER: Final = re.compile(r"\{(\w+):(?:[^{}])+\}")
# The filters that a dashboard has menus for.
_CHOSEN: Final = {name: FILTERS[name] for name in ("agent_id", "agent_version", "environment")}
# What a dashboard puts in the place of a query's parameter; texts are quoted and escaped by Grafana.
_VALUES: Final[Mapping[str, str]] = {
    "tenant": "${tenant:sqlstring}",
    **{name: f"${{{each.name}:sqlstring}}" for name, each in _CHOSEN.items()},
    "version_a": "${version_a:sqlstring}",
    "version_b": "${version_b:sqlstring}",
    START.parameter: "$__fromTime",
    END.parameter: "$__toTime",
    "step": "$__interval_s",
    "limit": "100",
    "offset": "0",
}
_CLICKHOUSE: Final = {"type": "grafana-clickhouse-datasource", "uid": "${datasource}"}
_PROMETHEUS: Final = {"type": "prometheus", "uid": "${prometheus}"}
# One collector, several, or all of them.
_INSTANCE: Final = {
    "name": "instance",
    "label": "Collector",
    "type": "query",
    "datasource": _PROMETHEUS,
    "query": "label_values(agenttrace_journal_rows, instance)",
    "refresh": 2,
    "multi": True,
    "includeAll": True,
    "allValue": ".*",
}
_STORED: Final = (
    "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts"
    " WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC"
)
# The collectors that are chosen, as a scrape names them.
_ONE: Final = '{instance=~"${instance}"}'
_REFUSED: Final = f"sum by (reason, service) (rate(agenttrace_refused_requests{_ONE}[5m]))"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its title, what it asks (a named query, SQL or PromQL), how it is drawn and in which unit."""

    title: str
    asks: str
    kind: str = "table"
    unit: str = "short"
    width: int = 12
    height: int = 8


BOARDS: Final[Mapping[str, tuple[str, Sequence[Panel]]]] = {
    "overview": (
        "AgentTrace: overview",
        (
            Panel("Counts", "stats", width=_WIDTH, height=4),
            Panel("Runs over time, by how they ended", "runs_over_time", "timeseries"),
            Panel("Latency over time", "step_latency_over_time", unit="ms"),
            Panel("Latency of calls", "step_latency", unit="ms"),
            Panel("Failures by type and code", "failures_aggregate"),
            Panel("Refused, by rule, key and agent", "rejections_aggregate", width=_WIDTH),
            Panel("Runs", "runs", width=_WIDTH),
        ),
    ),
    "decisions": (
        "AgentTrace: decisions",
        (
            Panel("Decisions by type and stated reason", "decisions_aggregate", width=_WIDTH),
            Panel("Decisions over time", "decisions_over_time"),
            Panel("Stated confidence", "decisions_confidence"),
            Panel("Approvals by tool", "approvals_tools", width=_WIDTH),
            Panel("Rules of approvals, those that did not fire first", "approvals_rules", width=_WIDTH),
            Panel("Failures after decisions", "correlate_decisions_failures", width=_WIDTH, height=10),
        ),
    ),
    "signals": (
        "AgentTrace: quality signals",
        (
            Panel("Quality signals by type and code", "signals_aggregate", width=_WIDTH),
            Panel("Quality signals over time", "signals_over_time", width=_WIDTH),
            Panel("Signals and how runs ended", "correlate_signals_outcomes", width=_WIDTH, height=10),
            Panel("Evaluations by name", "evaluations_aggregate", width=_WIDTH),
        ),
    ),
    "compare": (
        "AgentTrace: two versions",
        (
            Panel("How runs ended", "compare_outcomes", width=_WIDTH, height=6),
            Panel("Decisions", "compare_decisions", width=_WIDTH, height=10),
            Panel("Quality signals", "compare_signals", width=_WIDTH, height=10),
        ),
    ),
    "operations": (
        "AgentTrace: the collector",
        (
            Panel("Rows and bytes stored, by table", _STORED, unit="bytes", width=_WIDTH),
            Panel(
                "Spans received a second", f"rate(agenttrace_received_spans{_ONE}[1m])", "prometheus", "cps"
            ),
            Panel("Requests refused a second, by reason and service", _REFUSED, "prometheus", "cps"),
            Panel("Rows that wait in the journal", f"agenttrace_journal_rows{_ONE}", "prometheus"),
            Panel("Age of the oldest of them", f"agenttrace_journal_oldest_seconds{_ONE}", "prometheus", "s"),
            Panel("Free where the journal is", f"agenttrace_journal_free_bytes{_ONE}", "prometheus", "bytes"),
            Panel("Runs that wait to be settled", f"agenttrace_unsettled_runs{_ONE}", "prometheus"),
            Panel(
                "Delivery attempts repeated",
                f"rate(agenttrace_delivery_retries{_ONE}[5m])",
                "prometheus",
                "cps",
            ),
            Panel(
                "Records refused, by rule", f"sum by (rule) (agenttrace_refused_records{_ONE})", "prometheus"
            ),
        ),
    ),
}


def sql(panel: Panel) -> str:
    """The panel's statement as Grafana gets it, macros and variables in the place of parameters."""
    query = catalogue().get(panel.asks)
    if query is None:
        return panel.asks
    return _PARAMETER.sub(lambda found: _VALUES.get(found[1], "''"), query.statement)


def board(name: str) -> dict[str, Any]:
    """A dashboard as Grafana imports it."""
    title, panels = BOARDS[name]
    return {
        "uid": f"agenttrace-{name}",
        "title": title,
        "tags": ["agenttrace"],
        "schemaVersion": _SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "timezone": "utc",
        "templating": {"list": _variables(name)},
        "panels": _placed(panels),
    }


def _placed(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    placed, x, y, tallest = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > _WIDTH:
            x, y, tallest = 0, y + tallest, 0
        placed.append(_panel(number, panel, {"x": x, "y": y, "w": panel.width, "h": panel.height}))
        x, tallest = x + panel.width, max(tallest, panel.height)
    return placed


def _panel(number: int, panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    is_metric = panel.kind == "prometheus"
    source = _PROMETHEUS if is_metric else _CLICKHOUSE
    series = panel.kind != "table"
    target = (
        {"expr": panel.asks, "refId": "A", "datasource": source}
        if is_metric
        else {
            "rawSql": sql(panel),
            "editorType": "sql",
            "queryType": "timeseries" if series else "table",
            "format": 0 if series else 1,
            "refId": "A",
            "datasource": source,
        }
    )
    return {
        "id": number,
        "title": panel.title,
        "type": "timeseries" if series else "table",
        "datasource": source,
        "gridPos": dict(place),
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {},
        "targets": [target],
    }


def _variables(name: str) -> list[dict[str, Any]]:
    sources = [
        {"name": "datasource", "label": "ClickHouse", "type": "datasource", "query": _CLICKHOUSE["type"]}
    ]
    if name == "operations":
        return [
            *sources,
            {"name": "prometheus", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
            _INSTANCE,
        ]
    tenant = {"name": "tenant", "label": "Tenant", "type": "textbox", "query": "default"}
    chosen = [_choice(each.name, column, everything=True) for column, each in _CHOSEN.items()]
    if name == "compare":
        chosen = [
            _choice("agent", "agent_id", everything=False),
            *(_choice(f"version_{each}", "agent_version", everything=False) for each in "ab"),
            _choice("environment", "environment", everything=True),
        ]
    return [*sources, tenant, *chosen]


def _choice(name: str, column: str, *, everything: bool) -> dict[str, Any]:
    """A menu of what is stored; all of it is the empty text that filters nothing."""
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "type": "query",
        "datasource": _CLICKHOUSE,
        "query": f"SELECT DISTINCT {column} FROM runs WHERE tenant = ${{tenant:sqlstring}} ORDER BY {column}",  # noqa: S608
        "refresh": 2,
        "includeAll": everything,
        **({"allValue": "''"} if everything else {}),
    }


def dashboards() -> dict[str, str]:
    """Each dashboard as JSON, by the name of its file."""
    return {f"{name}.json": json.dumps(board(name), indent=2) + "\n" for name in BOARDS}
