"""Templates filled: what they are given is escaped, numbers and times are told the same way everywhere."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request

from agenttrace_collector.errors import CollectorError
from agenttrace_collector.pages.asking import filters
from agenttrace_collector.pages.filters import SPANS, Filters

NOTHING: Final = "-"
_NAVIGATION: Final = {
    "/": "Overview",
    "/runs": "Runs",
    "/decisions": "Decisions",
    "/signals": "Signals",
    "/compare": "Compare",
    "/associations": "Associations",
}


def render(template: str, request: Request, **found: Any) -> str:
    """A page, with the filters of its URL."""
    try:
        chosen = filters(request)
    except CollectorError:  # this is the page that tells what is wrong with them
        chosen = Filters()
    given = {"agents": [], **found}
    return (
        _environment()
        .get_template(template)
        .render(
            filters=chosen,
            spans=list(SPANS),
            navigation=_NAVIGATION,
            here=request.url.path,
            **given,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("agenttrace_collector.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, share=share, moment=moment, points=points, probability=probability, cell=cell
    )
    return environment


def number(value: float | None) -> str:
    """With its thousands set off."""
    if value is None:
        return NOTHING
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def share(value: float | None) -> str:
    """A share as percent."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


def points(value: float | None) -> str:
    """A difference of shares in points."""
    return NOTHING if value is None else f"{100 * value:+.1f}"


def probability(value: float | None) -> str:
    """A p or q value."""
    return NOTHING if value is None else "<0.0001" if value < 1e-4 else f"{value:.4f}"


def moment(value: datetime) -> str:
    """In UTC, to the second."""
    return value.strftime("%Y-%m-%d %H:%M:%S")


def cell(value: Any) -> str:
    """Any value of a table."""
    if isinstance(value, datetime):
        return moment(value)
    if value is None or value == "":
        return NOTHING
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
