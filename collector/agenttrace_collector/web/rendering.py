"""Renders templates with autoescape and one format for numbers and times."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request

from agenttrace_collector.errors import CollectorError
from agenttrace_collector.query.formatting import NOTHING, decimal, moment, number, points, probability, share
from agenttrace_collector.web.deps import filters
from agenttrace_collector.web.filters import SPANS, PageFilters
from agenttrace_collector.web.sessions import COOKIE

_NAVIGATION: Final = {
    "/": "Overview",
    "/runs": "Runs",
    "/decisions": "Decisions",
    "/signals": "Signals",
    "/approvals": "Approvals",
    "/evaluations": "Evaluations",
    "/compare": "Compare",
    "/associations": "Associations",
}


def render(template: str, request: Request, **found: Any) -> str:
    """A page, with the filters of its URL."""
    try:
        chosen = filters(request)
    except CollectorError:  # this is the page that tells what is wrong with them
        chosen = PageFilters()
    given = {"agents": [], **found}
    return (
        _environment()
        .get_template(template)
        .render(
            filters=chosen,
            spans=list(SPANS),
            navigation=_NAVIGATION,
            here=request.url.path,
            has_session=COOKIE in request.cookies,
            **given,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("agenttrace_collector.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number,
        decimal=decimal,
        share=share,
        moment=moment,
        points=points,
        probability=probability,
        cell=cell,
    )
    return environment


def cell(value: Any) -> str:
    """Any value of a table."""
    if isinstance(value, datetime):
        return moment(value)
    if value is None or value == "":
        return NOTHING
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
