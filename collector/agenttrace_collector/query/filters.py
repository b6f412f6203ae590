"""The filters of the named queries, defined once: the API, the pages, the commands and the dashboards derive theirs.

A query takes an empty text for a filter that is not set, and all times for a time range that is not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from agenttrace_schemas.rules import Policy
from agenttrace_schemas.vocabulary import FailureType, RunStatus

# Nothing is stored before or after these.
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
NAME_LENGTH: Final = 128
ALL: Final = "all"
SOURCES: Final = ("recorded", "derived", ALL)
STATUSES: Final = tuple(map(str, RunStatus))
VOCABULARY: Final[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    `parameter` is its name in the queries and in the API, `name` in a page's URL, in a dashboard and as a command's
    option. `values` are those that it takes: None for any text of at most `NAME_LENGTH` characters, `VOCABULARY` for
    a list of the site's vocabulary.
    """

    parameter: str
    name: str
    description: str
    values: tuple[str, ...] | None = None


_LIST: Final = (
    Filter("agent_id", "agent", "Only this agent."),
    Filter("agent_version", "version", "Only this version."),
    Filter("environment", "environment", "Only this environment."),
    Filter("tool", "tool", "Only records of steps with this tool."),
    Filter("source", "source", "recorded by agents, derived from steps, or all (the default).", SOURCES),
    Filter("status", "status", "Only runs with this status.", STATUSES),
    Filter("outcome", "outcome", "The outcome to look for; success by default.", STATUSES),
    Filter("failure_type", "type", "Only failures of this type.", tuple(map(str, FailureType))),
    Filter("decision_type", "type", "Only decisions of this type.", VOCABULARY),
    Filter("signal_type", "type", "Only quality signals of this type.", VOCABULARY),
    Filter("code", "code", "Only this code."),
    Filter("name", "name", "Only evaluations of this name."),
)
FILTERS: Final[Mapping[str, Filter]] = {each.parameter: each for each in _LIST}
START: Final = Filter("start_time", "since", "Start of the time range, itself included")
END: Final = Filter("end_time", "until", "End of the time range, itself excluded")


def closed_lists(policy: Policy) -> dict[str, tuple[str, ...]]:
    """The values of every filter that has a closed list, those of the site's vocabulary included, by parameter."""
    return {
        **{name: each.values for name, each in FILTERS.items() if each.values},
        "decision_type": tuple(policy.vocabulary.decisions),
        "signal_type": tuple(policy.vocabulary.signals),
    }


def bind(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a named query from filters by parameter name; None, and all sources, filter nothing."""
    chosen = {name: value for name, value in given.items() if value is not None}
    if chosen.get("source") == ALL:
        del chosen["source"]
    times = {START.parameter: EARLIEST, END.parameter: LATEST}
    return {**dict.fromkeys(FILTERS, ""), **times, **chosen}
