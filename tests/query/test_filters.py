"""One model of filters: what the queries take, and what the API, the pages and the commands offer."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from agenttrace_collector.api.params import Paging, Parameters
from agenttrace_collector.cli.filters import AgentOptions, StepOptions, TimeOptions
from agenttrace_collector.query.catalogue import catalogue
from agenttrace_collector.query.filters import EARLIEST, END, FILTERS, LATEST, START, bind, closed_lists
from agenttrace_collector.web.filters import PageFilters
from agenttrace_schemas.rules import Policy

TIMES = {START.parameter, END.parameter}
# What a query takes besides: whose rows, which run, which part of a list, which versions, which intervals.
OTHERS = {"tenant", "run_id", "limit", "offset", "version_a", "version_b", "step"}


def test_every_parameter_of_a_query_is_a_filter() -> None:
    """Or one of the few that choose something else."""
    taken = {name for query in catalogue().values() for name in query.parameters}
    assert taken == FILTERS.keys() | TIMES | OTHERS


def test_the_api_offers_these_filters() -> None:
    """In all its parameter models, with their descriptions."""
    offered = {
        (name, field.description)
        for model in [*_below(Parameters)]
        for name, field in model.model_fields.items()
        if name in FILTERS and field.is_required() is False
    }
    unused = {"code"}
    assert offered == {(name, each.description) for name, each in FILTERS.items() if name not in unused}


def _below(model: type[Parameters]) -> list[type[Parameters]]:
    import agenttrace_collector.api.app  # noqa: F401, PLC0415 - the models of all routes

    return [each for sub in model.__subclasses__() for each in (sub, *_below(sub)) if sub is not Paging]


def test_pages_and_commands_name_them_alike() -> None:
    """A page's URL and a command's option have the same short names."""
    options = {field.name for kind in (AgentOptions, TimeOptions, StepOptions) for field in fields(kind)}
    short = {each.name for each in FILTERS.values()}
    assert options <= short | {START.name, END.name}
    assert PageFilters.model_fields.keys() <= short | {"span"}
    assert set(AgentOptions(agent="a").parameters()) == {"agent_id", "agent_version"}


def test_what_is_not_set_filters_nothing() -> None:
    """Empty texts and all times; all sources are no filter; what is set stays."""
    assert bind({}) == {**dict.fromkeys(FILTERS, ""), "start_time": EARLIEST, "end_time": LATEST}
    assert bind({"source": "all", "agent_id": None}) == bind({})
    since = datetime(2026, 1, 31, tzinfo=UTC)
    chosen = bind({"source": "derived", "start_time": since, "limit": 5})
    assert (chosen["source"], chosen["start_time"], chosen["limit"]) == ("derived", since, 5)


@pytest.mark.parametrize(
    "name", ["source", "status", "outcome", "failure_type", "decision_type", "signal_type"]
)
def test_closed_lists_are_known(name: str) -> None:
    """Those of the vocabulary are the site's."""
    assert closed_lists(Policy())[name]
