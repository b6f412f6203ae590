"""Query parameters; an unknown name is an error, so that a misspelled filter is noticed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agenttrace_collector.api.problems import FieldProblem, UnknownValue
from agenttrace_schemas.vocabulary import FailureType, RunStatus

# Times beyond these are the same as none: nothing is stored there.
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
MOST_PAGES: Final = 1_000_000
MOST_ON_A_PAGE: Final = 100
_NAME_LENGTH: Final = 128
_ALL: Final = "all"
SOURCES: Final = ("recorded", "derived", _ALL)
STATUSES: Final = tuple(map(str, RunStatus))
OUTCOMES: Final = STATUSES
FAILURE_TYPES: Final = tuple(map(str, FailureType))
_NAME: Final = f"a text of at most {_NAME_LENGTH} characters"
_TIME: Final = "a time as ISO 8601, such as 2026-01-31T12:00:00Z"
_ALLOWED: Final = {
    "page": f"a whole number from 1 to {MOST_PAGES}",
    "page_size": f"a whole number from 1 to {MOST_ON_A_PAGE}",
    "start_time": _TIME,
    "end_time": _TIME,
    "run_id": "a UUID",
    "run": "a UUID",
    "agent": _NAME,
    "conversation": _NAME,
    "before": _TIME,
    "body": "a document as /docs shows it",
    "agent_id": _NAME,
    "agent_version": _NAME,
    "version_a": _NAME,
    "version_b": _NAME,
    "environment": _NAME,
    "tool": _NAME,
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


Name = Annotated[str, Field(max_length=_NAME_LENGTH)]
RequiredName = Annotated[str, Field(min_length=1, max_length=_NAME_LENGTH)]
Time = Annotated[datetime, BeforeValidator(read_time)]


class Parameters(BaseModel):
    """Base of all query parameter models."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Range(Parameters):
    """A time range: `start` is included, `end` is excluded."""

    start_time: Time = Field(
        default=EARLIEST, description="From this time on (ISO 8601, UTC where no offset stands)."
    )
    end_time: Time = Field(default=LATEST, description="Up to this time, itself excluded.")

    def bound(self, **more: str) -> dict[str, Any]:
        """Returns the parameters of the named query; a filter that is not set is empty."""
        given = self.model_dump(exclude={"page", "page_size"})
        return {
            **dict.fromkeys(("agent_id", "agent_version", "environment", "source", "tool"), ""),
            **{name: "" if value is None else value for name, value in given.items()},
            **more,
        }


class AgentTimes(Range):
    """Filters by agent, version, environment and time."""

    agent_id: Name = Field(default="", description="Only this agent.")
    agent_version: Name = Field(default="", description="Only this version.")
    environment: Name = Field(default="", description="Only this environment.")


class Paging(Parameters):
    """Page number and size."""

    page: int = Field(default=1, ge=1, le=MOST_PAGES, description="Which page, from 1.")
    page_size: int = Field(
        default=MOST_ON_A_PAGE, ge=1, le=MOST_ON_A_PAGE, description="How many on a page, at most 100."
    )

    @property
    def offset(self) -> int:
        """The number of records on the pages before this one."""
        return (self.page - 1) * self.page_size

    def page_fields(self, total: int) -> dict[str, int]:
        """Returns the pagination fields of a response with `total` records."""
        return {"total": total, "page": self.page, "page_size": self.page_size}


class Times(Range, Paging):
    """Pagination with a time range."""


class Span(AgentTimes, Paging):
    """Pagination with filters by agent and time."""


class EventTimes(Range, Paging):
    """Pagination with the filters of decisions and quality signals."""

    environment: Name = Field(default="", description="Only this environment.")
    tool: Name = Field(default="", description="Only those of steps with this tool.")
    source: str | None = Field(
        default=None, description="What agents recorded, what is derived from steps, or all (the default)."
    )

    def bound(self, **more: str) -> dict[str, Any]:
        """Returns the parameters of the named query; raises `UnknownValue`."""
        source = one_of("source", self.source, SOURCES)
        return super().bound(**{"source": "" if source == _ALL else source, **more})


class EventSpan(EventTimes):
    """The filters of decisions and quality signals, and of the agent."""

    agent_id: Name = Field(default="", description="Only this agent.")
    agent_version: Name = Field(default="", description="Only this version.")


class FailureFilter(EventSpan):
    """Which failures."""

    failure_type: str | None = Field(default=None, description="Only failures of this type.")


def one_of(field: str, value: str | None, allowed: tuple[str, ...]) -> str:
    """Returns the value, or an empty text for None; raises `UnknownValue` if `allowed` does not contain it."""
    if value is not None and value not in allowed:
        raise UnknownValue(field, allowed)
    return value or ""


def allowed_in(field: str, kind: str) -> FieldProblem:
    """Describes what a parameter must be; the name of an unknown parameter is not repeated."""
    if kind == "extra_forbidden":
        return FieldProblem(
            field="*", message="a parameter that does not exist here; /docs lists those that do"
        )
    if kind == "missing":
        return FieldProblem(field=field, message="required")
    return FieldProblem(field=field, message=f"must be {_ALLOWED.get(field, 'another value, see /docs')}")
