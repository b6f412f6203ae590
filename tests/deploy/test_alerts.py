"""The alerts of Prometheus: each expression is parsed, and asks for metrics that the collector has."""

from __future__ import annotations

from functools import cache
from typing import Any

import promql_parser
import pytest
import yaml

from agenttrace_collector.telemetry.metrics import METRICS
from tests.architecture.source import ROOT

FILE = ROOT / "deploy" / "prometheus" / "alerts.yaml"
# Of Prometheus itself.
OTHERS = {"up"}


@cache
def alerts() -> list[dict[str, Any]]:
    """Every rule of the file."""
    return [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]


def names(expression: str) -> set[str]:
    """The metrics that an expression selects."""
    found: set[str] = set()

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.add(str(node.name))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_each_expression_asks_for_metrics_that_are_there(rule: dict[str, Any]) -> None:
    """By the names that a scrape brings."""
    asked = names(rule["expr"])
    assert asked
    assert asked <= METRICS.keys() | OTHERS
    assert rule["annotations"]["summary"]


def test_a_slip_would_be_seen() -> None:
    """Of the syntax as of a name."""
    with pytest.raises(ValueError, match="unclosed"):
        names("sum by (a")
    assert names("rate(agenttrace_no_such_thing[5m]) > 1") - METRICS.keys()
