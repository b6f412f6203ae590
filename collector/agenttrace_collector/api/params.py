"""Query parameters; an unknown name is an error, so that a misspelled filter is noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agenttrace_collector.api.problems import FieldProblem, UnknownValue
from agenttrace_collector.query.filters import (
    EARLIEST,
    END,
    FILTERS,
    LATEST,
    NAME_LENGTH,
    START,
    Filter,
    bind,
)

MOST_PAGES: Final = 1_000_000
MOST_ON_A_PAGE: Final = 100
_NAME: Final = f"a text of at most {NAME_LENGTH} characters"
_TIME: Final = "a time as ISO 8601, such as 2026-01-31T12:00:00Z"
_ALLOWED: Final = {
    "page": f"a whole number from 1 to {MOST_PAGES}",
    "page_size": f"a whole number from 1 to {MOST_ON_A_PAGE}",
    **dict.fromkeys((START.parameter, END.parameter, "before"), _TIME),
    **dict.fromkeys(("run_id", "run"), "a UUID"),
    **dict.fromkeys((name for name, each in FILTERS.items() if each.values is None), _NAME),
    **dict.fromkeys(("agent", "conversation", "version_a", "version_b"), _NAME),
    "body": "a document as /docs shows it",
}


def read_time(value: Any) -> Any:
    """Parses a time; a time without an offset is UTC."""
    if not isinstance(value, str):
        return value
    try:
        read = datetime.fromisoformat(value.upper())
    except ValueError:
        message = "not a time"
        raise ValueError(message) from None
    aware = read.replace(tzinfo=UTC) if read.tzinfo is None else read
    try:
        return min(max(aware.astimezone(UTC), EARLIEST), LATEST)
    except OverflowError:
        return EARLIEST if read.year < LATEST.year else LATEST


Name = Annotated[str, Field(max_length=NAME_LENGTH)]
RequiredName = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
Time = Annotated[datetime, BeforeValidator(read_time)]


def filter_field(parameter: str) -> Any:
    """The field of a filter that is not set by default, with its description; `parameter` is a key of `FILTERS`."""
    each = FILTERS[parameter]
    return Field(default="" if each.values is None else None, description=each.description)


def _time_field(each: Filter, default: datetime) -> Any:
    return Field(default=default, description=f"{each.description} (ISO 8601, UTC if it has no offset).")


class Parameters(BaseModel):
    """Base of all query parameter models."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Range(Parameters):
    """A time range: `start_time` is included, `end_time` is excluded."""

    start_time: Time = _time_field(START, EARLIEST)
    end_time: Time = _time_field(END, LATEST)

    def bound(self, closed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Returns the parameters of the named query; raises `UnknownValue` for a value not in its closed list."""
        given = self.model_dump(exclude={"page", "page_size"})
        for name in given.keys() & closed.keys():
            one_of(name, given[name], closed[name])
        return bind(given)


class AgentTimes(Range):
    """Filters by agent, version, environment and time."""

    agent_id: Name = filter_field("agent_id")
    agent_version: Name = filter_field("agent_version")
    environment: Name = filter_field("environment")


class Paging(Parameters):
    """Page number and size."""

    page: int = Field(default=1, ge=1, le=MOST_PAGES, description="Number of the page, from 1.")
    page_size: int = Field(
        default=MOST_ON_A_PAGE, ge=1, le=MOST_ON_A_PAGE, description="Records on a page, at most 100."
    )

    @property
    def offset(self) -> int:
        """The number of records on the pages before this one."""
        return (self.page - 1) * self.page_size


class Times(Range, Paging):
    """Pagination with a time range."""


class Span(AgentTimes, Paging):
    """Pagination with filters by agent and time."""


class EventTimes(Range, Paging):
    """Pagination with the filters of decisions and quality signals."""

    environment: Name = filter_field("environment")
    tool: Name = filter_field("tool")
    source: str | None = filter_field("source")


class EventSpan(EventTimes):
    """The filters of decisions and quality signals, and of the agent."""

    agent_id: Name = filter_field("agent_id")
    agent_version: Name = filter_field("agent_version")


class FailureFilter(EventSpan):
    """Filters of failures."""

    failure_type: str | None = filter_field("failure_type")


def one_of(field: str, value: str | None, allowed: Sequence[str]) -> str:
    """Returns the value, or an empty text for None; raises `UnknownValue` if `allowed` does not contain it."""
    if value is not None and value not in allowed:
        raise UnknownValue(field, allowed)
    return value or ""


def allowed_in(field: str, kind: str) -> FieldProblem:
    """Describes what a parameter must be; the name of an unknown parameter is not repeated."""
    if kind == "extra_forbidden":
        return FieldProblem(field="*", message="unknown parameter; /docs lists the known ones")
    if kind == "missing":
        return FieldProblem(field=field, message="required")
    return FieldProblem(field=field, message=f"must be {_ALLOWED.get(field, 'another value, see /docs')}")
