"""The filters of a page: they stand in its URL, so that every view can be shared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from agenttrace_collector.api.params import Name, one_of
from agenttrace_collector.query.filters import ALL, FILTERS, SOURCES, START, bind

# How far back a page looks, with the seconds of an interval of its charts.
SPANS: Final[Mapping[str, tuple[timedelta | None, int]]] = {
    "24h": (timedelta(days=1), 3_600),
    "7d": (timedelta(days=7), 6 * 3_600),
    "30d": (timedelta(days=30), 86_400),
    "90d": (timedelta(days=90), 86_400),
    "all": (None, 7 * 86_400),
}
_DEFAULT_SPAN: Final = "30d"


class PageFilters(BaseModel):
    """Those of `query.filters` that every page has, by their short names, and how far back the page looks.

    Other parameters of the URL are a page's own.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, frozen=True)

    agent: Name = ""
    version: Name = ""
    environment: Name = ""
    span: str = Field(default=_DEFAULT_SPAN)
    source: str = ALL

    def validated(self) -> PageFilters:
        """Itself; raises `UnknownValue` where a closed list does not have what it names."""
        one_of("span", self.span, tuple(SPANS))
        one_of("source", self.source, SOURCES)
        return self

    @property
    def step(self) -> int:
        """Seconds of an interval."""
        return SPANS[self.span][1]

    def link(self, path: str, **more: Any) -> str:
        """Returns a link to another page with the same filters."""
        default = PageFilters().model_dump()
        named = {name: value for name, value in self.model_dump().items() if value != default[name]}
        query = urlencode({**named, **{name: value for name, value in more.items() if value != ""}})
        return f"{path}?{query}" if query else path

    def bound(self, **more: Any) -> dict[str, Any]:
        """Returns the parameters of the named queries, `more` of them included; `step` is in seconds."""
        back, step = SPANS[self.span]
        chosen = self.model_dump()
        named = {name: chosen[each.name] for name, each in FILTERS.items() if each.name in chosen}
        since = {} if back is None else {START.parameter: datetime.now(UTC) - back}
        return {**bind({**named, **since}), "step": step, **more}
