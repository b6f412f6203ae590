"""Health: whether requests can be accepted, and the obstacles otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

# What stands in the way of accepting requests, in words; empty for nothing.
Obstacle: TypeAlias = Callable[[], str]
# The obstacle of a collector that starts or stops.
_SERVICE: Final = "service"


@dataclass(slots=True)
class Health:
    """The obstacles by part, and facts that do not block requests."""

    obstacles: dict[str, Obstacle] = field(default_factory=dict)
    facts: dict[str, Callable[[], object]] = field(default_factory=dict)
    stopping: bool = False

    def state(self) -> Mapping[str, object]:
        """The parts in words; `status` is `accepting` if nothing stands in the way."""
        found = {name: reason for name, obstacle in self.obstacles.items() if (reason := obstacle())}
        if self.stopping:
            found[_SERVICE] = "stopping"
        status = "refusing" if found else "accepting"
        return {"status": status, "obstacles": found, **{name: fact() for name, fact in self.facts.items()}}

    def app(self) -> Starlette:
        """The endpoint: 200 when requests are accepted, 503 otherwise, the state in the body.

        `/live` answers 200 as long as the event loop runs; `/ready/api` does not depend on the journal.
        """
        routes = [Route("/live", _live), Route("/ready/api", self._api), Route("/{path:path}", self._answer)]
        return Starlette(routes=routes)

    async def _api(self, _: Request) -> Response:
        is_ready = not self.stopping and _SERVICE not in self.obstacles
        return JSONResponse({"status": "ready" if is_ready else "not ready"}, 200 if is_ready else 503)

    async def _answer(self, _: Request) -> Response:
        state = self.state()
        return JSONResponse(state, 200 if state["status"] == "accepting" else 503)


async def _live(_: Request) -> Response:
    return JSONResponse({"status": "alive"})
