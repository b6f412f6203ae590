"""A page's rows as CSV: every row of its named query, read page by page so that no reader holds up the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from agenttrace_collector.api.deps import TenantQueries
from agenttrace_collector.api.params import allowed_in, one_of, read_time
from agenttrace_collector.api.problems import FieldProblem, InvalidField
from agenttrace_collector.errors import NotFound
from agenttrace_collector.query import Query, catalogue
from agenttrace_collector.query.csv_rows import csv_lines, csv_text
from agenttrace_collector.query.filters import NAME_LENGTH, closed_lists
from agenttrace_collector.web.deps import current_reader, filters
from agenttrace_collector.web.events import require_decisions
from agenttrace_collector.web.filters import PageFilters
from agenttrace_schemas.rules import Policy

# Runs of one question, and of one download; a download that holds fewer than there are says so in its name.
ON_A_PAGE: Final = 10_000
MOST_ROWS: Final = 1_000_000
TOTAL: Final = "x-agenttrace-total-rows"
_MEDIA: Final = "text/csv"
_LARGEST_NUMBER: Final = 2**31 - 1
# A time of a query's parameter is told in microseconds.
_TICK: Final = timedelta(microseconds=1)
_PLACE: Final = ("limit", "offset")
_Rows: TypeAlias = Sequence[Mapping[str, Any]]


async def download(request: Request) -> Response:
    """The rows of a named query under the filters of the page that links here; raises as a page does."""
    name = request.path_params["name"]
    query = catalogue().get(name)
    if query is None:
        message = "there is no such table"
        raise NotFound(message)
    who = require_decisions(request) if _tells_events(query) else current_reader(request)
    bound = bound_of(request, query, who.answers.policy)
    if "limit" not in query.parameters:
        return _answer(PlainTextResponse(csv_text(await who.records(name, bound)), media_type=_MEDIA), name)
    return await _paged(who, name, bound)


async def _paged(who: TenantQueries, name: str, bound: Mapping[str, Any]) -> Response:
    """The first page is read before anything is said, so that a failure has a status of its own."""
    pages = pages_of(who, name, bound)
    first = await anext(pages)
    total = first[0]["total"] if first else 0
    cut = f"-first-{MOST_ROWS}-of-{total}" if total > MOST_ROWS else ""
    response = StreamingResponse(_texts(first, pages, total), media_type=_MEDIA)
    response.headers[TOTAL] = str(total)
    return _answer(response, f"{name}{cut}")


def _answer(response: Response, name: str) -> Response:
    response.headers["content-disposition"] = f'attachment; filename="{name}.csv"'
    return response


async def _texts(first: _Rows, more: AsyncIterator[_Rows], total: int) -> AsyncIterator[str]:
    yield csv_text(first)
    async for rows in more:
        yield csv_lines(list(rows[0]), ({**row, "total": total} for row in rows))


async def pages_of(
    who: TenantQueries, name: str, bound: Mapping[str, Any], *, size: int = ON_A_PAGE, most: int = MOST_ROWS
) -> AsyncIterator[_Rows]:
    """Runs from the latest on, a page at a time; the first one may be empty.

    A page goes on where the one before ended, by the time of its last run: runs that arrive meanwhile move
    nothing. Those of that very time that have been told are passed over by their number.
    """
    end, told, seen = bound["end_time"], 0, 0
    while True:
        size = min(size, most - seen)
        rows = await who.records(name, {**bound, "end_time": end, "limit": size, "offset": told})
        seen += len(rows)
        if rows or not seen:
            yield rows
        if len(rows) < size or seen >= most:
            return
        last: datetime = rows[-1]["started_at"]
        alike = sum(row["started_at"] == last for row in rows)
        told = told + alike if end == last + _TICK else alike
        end = last + _TICK


def _tells_events(query: Query) -> bool:
    return any(kind in query.name for kind in ("decision", "signal", "approval", "correlate"))


def bound_of(request: Request, query: Query, policy: Policy) -> dict[str, Any]:
    """The page's filters and the query's own parameters; raises `InvalidField` or `UnknownValue`."""
    own = query.parameters.keys() - {"tenant", *_PLACE}
    given = request.query_params
    if given.keys() - own - PageFilters.model_fields.keys():
        raise InvalidField([allowed_in("*", "extra_forbidden")])
    listed = closed_lists(policy)
    bound = filters(request).bound(limit=0, offset=0)
    for name in (own & given.keys()) - PageFilters.model_fields.keys():
        value = _read(name, query.parameters[name], given[name])
        bound[name] = one_of(name, value or None, listed[name]) if name in listed else value
    missing = sorted(own - bound.keys())
    if missing:
        raise InvalidField([allowed_in(name, "missing") for name in missing])
    return bound


def _read(name: str, kind: str, text: str) -> Any:
    """A parameter by the type that the query declares."""
    read, allowed = next(found for start, found in _READERS.items() if kind.startswith(start))
    try:
        return read(text)
    except ValueError:
        raise InvalidField([FieldProblem(field=name, message=f"must be {allowed}")]) from None


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_NUMBER)) else 0
    if not 0 < number <= _LARGEST_NUMBER:
        raise ValueError
    return number


def _name(text: str) -> str:
    if len(text) > NAME_LENGTH:
        raise ValueError
    return text


_READERS: Final[Mapping[str, tuple[Callable[[str], Any], str]]] = {
    "String": (_name, f"a text of at most {NAME_LENGTH} characters"),
    "UUID": (UUID, "a UUID"),
    "DateTime64": (read_time, "a time as ISO 8601, such as 2026-01-31T12:00:00Z"),
    "UInt": (_number, f"a whole number from 1 to {_LARGEST_NUMBER}"),
}
