"""Health: whether requests can be accepted, and the obstacles otherwise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_log: Final = logging.getLogger(__name__)
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
    # What stands in the way of answers; requests may be accepted all the same.
    api: dict[str, Obstacle] = field(default_factory=dict)

    async def watch(self, interval: float = 1.0) -> None:
        """Log each change, once, until cancelled."""
        requests = answers = ""
        while True:
            refused = "; ".join(f"{name}: {reason}" for name, reason in self._found().items())
            if refused != requests:
                _log.warning("requests are %s", f"refused: {refused}" if refused else "accepted again")
            silent = "; ".join(self._silent().values())
            if silent != answers:
                _log.warning("the API is %s", f"not ready: {silent}" if silent else "ready")
            requests, answers = refused, silent
            await asyncio.sleep(interval)

    def _found(self) -> dict[str, str]:
        found = {name: reason for name, obstacle in self.obstacles.items() if (reason := obstacle())}
        return {**found, _SERVICE: "stopping"} if self.stopping else found

    def _silent(self) -> dict[str, str]:
        found = {name: reason for name, obstacle in self.api.items() if (reason := obstacle())}
        service = {name: reason for name, reason in self._found().items() if name == _SERVICE}
        return {**found, **service}

    def state(self) -> Mapping[str, object]:
        """The parts in words; `status` is `accepting` if nothing stands in the way."""
        found = self._found()
        status = "refusing" if found else "accepting"
        return {"status": status, "obstacles": found, **{name: fact() for name, fact in self.facts.items()}}

    def app(self) -> Starlette:
        """The endpoint: 200 when requests are accepted, 503 otherwise, the state in the body.

        `/live` answers 200 as long as the event loop runs; `/ready/api` depends on the database, not on the journal.
        """
        routes = [Route("/live", _live), Route("/ready/api", self._api), Route("/{path:path}", self._answer)]
        return Starlette(routes=routes)

    async def _api(self, _: Request) -> Response:
        silent = self._silent()
        state = {"status": "not ready" if silent else "ready", "obstacles": silent}
        return JSONResponse(state, 503 if silent else 200)

    async def _answer(self, _: Request) -> Response:
        state = self.state()
        return JSONResponse(state, 200 if state["status"] == "accepting" else 503)


async def _live(_: Request) -> Response:
    return JSONResponse({"status": "alive"})
