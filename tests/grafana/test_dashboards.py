"""The dashboards: made from the named queries, each statement executed, each metric one that a collector tells."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from agenttrace_collector.telemetry.metrics import METRICS
from deploy.generate.dashboards import BOARDS, board
from tests.support import plain_http
from tests.support.collector import Collector
from tests.support.demo_data import OF_AGENT, VERSION, filled_with_demo
from tests.support.sampling import sampled

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
NOW = int(time.time())
MACROS = {
    "$__fromTime": f"toDateTime({NOW - 7 * 86_400})",
    "$__toTime": f"toDateTime({NOW + 86_400})",
    "$__interval_s": "3600",
    "${tenant:sqlstring}": "'default'",
    "${agent:sqlstring}": f"'{OF_AGENT['agent_id']}'",
    "${version:sqlstring}": "''",
    "${environment:sqlstring}": "''",
    "${version_a:sqlstring}": f"'{VERSION}'",
    "${version_b:sqlstring}": f"'{VERSION}'",
}
# Of the replayed agent nothing was refused, no failure, approval or evaluation recorded: asked of all agents.
OF_ALL = (
    *("failures_aggregate", "rejections_aggregate", "decisions_confidence"),
    *("approvals_tools", "approvals_rules", "evaluations_aggregate"),
)
UNITS = {"short", "ms", "s", "bytes", "cps"}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One with the demo's data."""
    with filled_with_demo(tmp_path_factory.mktemp("grafana")) as running:
        yield running


def expanded(statement: str, asks: str) -> str:
    """A statement as Grafana sends it."""
    values = {**MACROS, **({"${agent:sqlstring}": "''"} if asks in OF_ALL else {})}
    for macro, value in values.items():
        statement = statement.replace(macro, value)
    assert "$" not in statement
    return statement


PANELS = [
    (f"{name}: {panel.title}", panel, drawn)
    for name, (_, panels) in BOARDS.items()
    for panel, drawn in zip(panels, board(name)["panels"], strict=True)
]


@pytest.mark.parametrize(
    ("panel", "drawn"),
    sampled(3, [(panel, drawn) for _, panel, drawn in PANELS]),
    ids=[name for name, _, _ in PANELS],
)
def test_every_panel_shows_something(collector: Collector, panel: Any, drawn: dict[str, Any]) -> None:
    """Its statement returns rows from the filled database; its metric is told by the collector."""
    (target,) = drawn["targets"]
    if panel.kind == "prometheus":
        told = collector.get("metrics", "/metrics")
        # Grafana puts a regular expression in the place of the variable, which PromQL sees as a text.
        promql_parser.parse(target["expr"])
        assert '{instance=~"${instance}"}' in target["expr"]
        (metric,) = re.findall(r"(?:agenttrace|otelcol)_\w+", target["expr"])
        assert re.search(rf"(?m)^# TYPE {metric} ", told)
        return
    statement = expanded(target["rawSql"], panel.asks)
    parameters = {"database": "agenttrace", "default_format": "JSON"}
    url = collector.url("clickhouse")
    answer = plain_http.post(url, content=statement, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"] > 0


def test_a_dashboard_is_one_that_grafana_takes() -> None:
    """Names and numbers once, a data source for each panel, a unit that Grafana has, no panel over another."""
    boards = [board(name) for name in BOARDS]
    assert len({each["uid"] for each in boards}) == len(boards)
    for each in boards:
        variables = [variable["name"] for variable in each["templating"]["list"]]
        panels = each["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert variables[0] == "datasource"
        used = set(re.findall(r"\$\{(\w+)", json.dumps(each)))
        assert used <= set(variables)
        assert all(panel["fieldConfig"]["defaults"]["unit"] in UNITS for panel in panels)
        cells = [
            (x, y)
            for panel in panels
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells))


def test_menus_are_filled(collector: Collector) -> None:
    """Each variable's query returns what there is to choose."""
    for name in BOARDS:
        for variable in board(name)["templating"]["list"]:
            if variable["name"] == "instance":
                metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
                assert (metric in METRICS, label) == (True, "instance")
            elif variable["type"] == "query":
                asked = expanded(variable["query"], "")
                answer = plain_http.post(
                    collector.url("clickhouse"),
                    content=asked,
                    params={"database": "agenttrace"},
                )
                assert answer.text.strip(), variable["name"]


def test_what_is_provisioned_is_there() -> None:
    """The data sources' types and the folder of dashboards."""
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/agenttrace.yaml").read_text())[
        "datasources"
    ]
    assert [each["type"] for each in sources] == ["grafana-clickhouse-datasource", "prometheus"]
    assert {path.stem for path in (GRAFANA / "dashboards").glob("*.json")} == set(BOARDS)
