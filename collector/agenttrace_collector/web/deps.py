"""Dependencies of pages: the reader, by a bearer token or a browser session."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.requests import Request

from agenttrace_collector.api.deps import TenantQueries, answers
from agenttrace_collector.api.params import allowed_in
from agenttrace_collector.api.problems import InvalidField
from agenttrace_collector.server.auth import Role, token_digest
from agenttrace_collector.web.filters import PageFilters
from agenttrace_collector.web.sessions import COOKIE, Sessions


def current_reader(request: Request) -> TenantQueries:
    """Identifies the reader; raises `Unauthenticated` or `Forbidden`."""
    built = answers(request)
    digest = token_digest(request.headers.get("authorization"))
    if digest is None and (session_id := request.cookies.get(COOKIE)):
        digest = sessions(request).token_digest(session_id)
    return TenantQueries(built, built.authenticator.identify_digest(digest, Role.READ))


def sessions(request: Request) -> Sessions:
    """The sessions of the application."""
    found: Sessions = request.app.state.sessions
    return found


def filters(request: Request) -> PageFilters:
    """Returns the filters of the URL; raises `InvalidField` or `UnknownValue`."""
    try:
        return PageFilters.model_validate(dict(request.query_params)).validated()
    except ValidationError as error:
        problems = [
            allowed_in(str(each["loc"][-1]), each["type"]) for each in error.errors(include_input=False)
        ]
        raise InvalidField(problems) from None
