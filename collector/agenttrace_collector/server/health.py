"""Whether requests can be accepted, and what stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

# What stands in the way of accepting requests, in words; empty for nothing.
Obstacle: TypeAlias = Callable[[], str]


@dataclass(slots=True)
class Health:
    """Obstacles by part, and facts that do not keep requests out."""

    obstacles: dict[str, Obstacle] = field(default_factory=dict)
    facts: dict[str, Callable[[], object]] = field(default_factory=dict)
    stopping: bool = False

    def state(self) -> Mapping[str, object]:
        """The parts in words; `status` is `accepting` if nothing stands in the way."""
        found = {name: reason for name, obstacle in self.obstacles.items() if (reason := obstacle())}
        if self.stopping:
            found["service"] = "stopping"
        status = "refusing" if found else "accepting"
        return {"status": status, "obstacles": found, **{name: fact() for name, fact in self.facts.items()}}

    def app(self) -> Starlette:
        """The endpoint: 200 when requests are accepted, 503 otherwise, the state in the body."""
        return Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, _: Request) -> Response:
        state = self.state()
        return JSONResponse(state, 200 if state["status"] == "accepting" else 503)
