"""Dependencies of the routes: the caller, and the named queries bound to the caller's tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Depends
from starlette.requests import Request

from agenttrace_collector.api.params import Range
from agenttrace_collector.api.problems import ADVICE
from agenttrace_collector.clickhouse.purge_client import Erasure
from agenttrace_collector.errors import (
    OVER_LIMIT_CODES,
    CollectorError,
    OverLimit,
    Rejected,
    SwitchedOff,
    Throttled,
    Unavailable,
)
from agenttrace_collector.query.backends import QueryReader
from agenttrace_collector.query.filters import closed_lists
from agenttrace_collector.receivers.ingest import Ingest
from agenttrace_collector.server.auth import Authenticator, Identity, Role
from agenttrace_collector.server.health import Health
from agenttrace_schemas.rules import Policy

# Questions under way and waiting; a reader has few threads, and what waits holds a connection.
_MOST_QUESTIONS: Final = 32
_RETRY_AFTER: Final = 2.0
# Longer than a question may take in the database (`query.reader`), for one that no longer answers at all.
_LONGEST: Final = 40.0


@dataclass(frozen=True, slots=True)
class ApiDeps:
    """What the API needs: authentication, the query reader, the policy and the health state."""

    questions: QueryReader
    # Short questions of the ingest, on connections that no reader's question holds up.
    lookups: QueryReader
    authenticator: Authenticator
    policy: Policy
    health: Health
    ingest: Ingest
    erasure: Erasure | None = None
    patience: float = _LONGEST
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_QUESTIONS))


@dataclass(frozen=True, slots=True)
class TenantQueries:
    """Runs named queries for one tenant; a request cannot choose another."""

    answers: ApiDeps
    identity: Identity

    async def records(self, name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Returns the rows of a named query as mappings; raises `OverLimit`, `Throttled` or `Unavailable`."""
        places = self.answers.places
        if places.locked():
            message = "too many queries are running"
            raise Throttled(message, _RETRY_AFTER)
        async with places:
            try:
                async with asyncio.timeout(self.answers.patience):
                    answer = await self.answers.questions.ask(name, self.identity.tenant, parameters)
            except TimeoutError:
                message = "the database did not respond in time"
                raise Unavailable(message, _RETRY_AFTER) from None
            except (Rejected, Unavailable) as error:
                raise _told(error) from error
        return answer.records()

    async def select(self, name: str, wanted: Range, **more: Any) -> list[dict[str, Any]]:
        """Returns the rows of a named query under these filters and `more` of its parameters.

        Raises `UnknownValue` for a value that its closed list does not contain, and as `records` does.
        """
        return await self.records(name, {**wanted.bound(closed_lists(self.answers.policy)), **more})


def _told(error: Rejected | Unavailable) -> CollectorError:
    """Maps database errors: exceeded limits become `OverLimit`, others `Unavailable`, since the query is ours."""
    code = getattr(error, "code", 0)
    if code in OVER_LIMIT_CODES:
        return OverLimit(ADVICE)
    if isinstance(error, Unavailable):
        return error
    return Unavailable(f"the database refused this query (code {code})", _RETRY_AFTER)


def answers(request: Request) -> ApiDeps:
    """Returns what the application was built with."""
    found: ApiDeps = request.app.state.answers
    return found


def require_reader(request: Request) -> TenantQueries:
    """Identifies a caller with the role read; raises `Unauthenticated` or `Forbidden`."""
    built = answers(request)
    return TenantQueries(built, built.authenticator.identify(request.headers.get("authorization"), Role.READ))


def require_decisions(request: Request) -> TenantQueries:
    """As `require_reader`; raises `SwitchedOff` if this collector stores no decisions and signals."""
    return with_decisions(require_reader(request))


def with_decisions(queries: TenantQueries) -> TenantQueries:
    """Returns its argument; raises `SwitchedOff` if this collector stores no decisions and signals."""
    if not queries.answers.policy.decisions:
        raise SwitchedOff
    return queries


def operating(request: Request) -> Identity:
    """Identifies a caller with the role operator; raises `Unauthenticated` or `Forbidden`."""
    return answers(request).authenticator.identify(request.headers.get("authorization"), Role.OPERATOR)


Built: TypeAlias = Annotated[ApiDeps, Depends(answers)]
RequireReader: TypeAlias = Annotated[TenantQueries, Depends(require_reader)]
RequireDecisions: TypeAlias = Annotated[TenantQueries, Depends(require_decisions)]
Operating: TypeAlias = Annotated[Identity, Depends(operating)]
