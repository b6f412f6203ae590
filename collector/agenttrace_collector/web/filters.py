"""The filters of a page: they stand in its URL, so that every view can be shared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from agenttrace_collector.api.params import EARLIEST, LATEST, SOURCES, Name, one_of

# How far back a page looks, with the seconds of an interval of its charts.
SPANS: Final[Mapping[str, tuple[timedelta | None, int]]] = {
    "24h": (timedelta(days=1), 3_600),
    "7d": (timedelta(days=7), 6 * 3_600),
    "30d": (timedelta(days=30), 86_400),
    "90d": (timedelta(days=90), 86_400),
    "all": (None, 7 * 86_400),
}
_DEFAULT_SPAN: Final = "30d"


class Filters(BaseModel):
    """Agent, version, environment, time and source; other parameters are a page's own."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, frozen=True)

    agent: Name = ""
    version: Name = ""
    environment: Name = ""
    span: str = Field(default=_DEFAULT_SPAN)
    source: str = "all"

    def validated(self) -> Filters:
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
        default = Filters().model_dump()
        named = {name: value for name, value in self.model_dump().items() if value != default[name]}
        query = urlencode({**named, **{name: value for name, value in more.items() if value != ""}})
        return f"{path}?{query}" if query else path

    def bound(self, **more: Any) -> dict[str, Any]:
        """As the named queries take them; what is not filtered is empty."""
        back = SPANS[self.span][0]
        now = datetime.now(UTC)
        empty = ("tool", "decision_type", "signal_type", "failure_type", "outcome", "status", "code")
        return {
            **dict.fromkeys(empty, ""),
            "agent_id": self.agent,
            "agent_version": self.version,
            "environment": self.environment,
            "source": "" if self.source == "all" else self.source,
            "start_time": EARLIEST if back is None else now - back,
            "end_time": LATEST,
            "step": self.step,
            **more,
        }
