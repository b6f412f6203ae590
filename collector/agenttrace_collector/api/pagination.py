"""The base of all responses: times in UTC, and pagination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self, TypeAlias, TypeVar, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agenttrace_collector.api.params import Paging
from agenttrace_collector.api.problems import ProblemDetails

T = TypeVar("T")


def _utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


Moment: TypeAlias = Annotated[datetime, BeforeValidator(_utc)]
JsonScalar: TypeAlias = bool | int | float | str


class ResponseRecord(BaseModel):
    """A part of a response; it ignores columns that it does not name."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class ResponsePage(ResponseRecord):
    """One page of a list; a class of it has one field that is a list."""

    total: int = Field(description="Number of records on all pages.")
    page: int
    page_size: int

    @classmethod
    def of(
        cls, rows: Sequence[Mapping[str, Any]], page: Paging, *, total: int | None = None, **more: Any
    ) -> Self:
        """Returns the response with one page of `rows`; if `total` is given, `rows` are that page already.

        `more` are the other fields of the response.
        """
        (name,) = (name for name, each in cls.model_fields.items() if get_origin(each.annotation) is list)
        listed = paginate(rows, page) if total is None else rows
        counted = len(rows) if total is None else total
        fields = {name: listed, "total": counted, "page": page.page, "page_size": page.page_size}
        return cls.model_validate({**fields, **more})


def paginate(records: Sequence[T], page: Paging) -> Sequence[T]:
    """Returns the records of one page."""
    return records[page.offset : page.offset + page.page_size]


REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": ProblemDetails, "description": "A filter has a value that is not in its closed list."},
    401: {"model": ProblemDetails, "description": "The token is missing or unknown."},
    403: {"model": ProblemDetails, "description": "The role of the token does not allow this."},
    422: {"model": ProblemDetails, "description": "Invalid parameters, or a query that exceeds its limits."},
    429: {"model": ProblemDetails, "description": "Too many queries at a time; retry later."},
    500: {"model": ProblemDetails, "description": "A fault of the collector."},
    503: {
        "model": ProblemDetails,
        "description": "The database is not available, or the feature is switched off.",
    },
}
MISSING: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ProblemDetails, "description": "No such run of this tenant."}
}
