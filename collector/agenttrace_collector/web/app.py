"""Routes of the pages, their templates, files and security headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from agenttrace_collector.api.deps import answers
from agenttrace_collector.api.problems import InvalidField
from agenttrace_collector.errors import (
    CollectorError,
    Forbidden,
    TooLarge,
    Unauthenticated,
    Unavailable,
    wire_status,
)
from agenttrace_collector.receivers.answers import headers_of
from agenttrace_collector.receivers.body import read_body
from agenttrace_collector.server.auth import Role, token_digest
from agenttrace_collector.server.browsers import DEFAULT_HEADERS
from agenttrace_collector.server.static_files import CSS, JAVASCRIPT, StaticFile, static_response
from agenttrace_collector.web import approvals, associations, compare, evaluations, events, overview, runs
from agenttrace_collector.web.deps import sessions
from agenttrace_collector.web.downloads import download
from agenttrace_collector.web.rendering import render
from agenttrace_collector.web.sessions import COOKIE, LIFETIME_SECONDS, Sessions

PageView: TypeAlias = Callable[[Request], Awaitable[tuple[str, dict[str, Any]]]]
PAGES: Final[dict[str, PageView]] = {
    "/": overview.overview,
    "/runs": runs.listed,
    "/runs/{run_id}": runs.one,
    "/decisions": events.decisions,
    "/signals": events.signals,
    "/approvals": approvals.approvals,
    "/evaluations": evaluations.evaluations,
    "/compare": compare.compare,
    "/associations": associations.associations,
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    **DEFAULT_HEADERS,
    "content-security-policy": _POLICY,
}
_STATIC: Final = {
    "pages.css": StaticFile(__package__, "static/pages.css", CSS),
    "pages.js": StaticFile(__package__, "static/pages.js", JAVASCRIPT),
    "plotly.js": StaticFile("plotly", "package_data/plotly.min.js", JAVASCRIPT),
}
_FORM_BYTES: Final = 4_096


def add_pages(app: FastAPI) -> None:
    """Serve the pages beside the API of this application."""
    app.state.sessions = Sessions()
    router = APIRouter(include_in_schema=False)
    for path, page in PAGES.items():
        router.add_api_route(path, _shown(page), response_model=None)
    router.add_api_route("/csv/{name}", _table, response_model=None)
    router.add_api_route("/static/{name}", static, response_model=None)
    router.add_api_route("/sign-in", sign_in, response_model=None)
    router.add_api_route("/sign-in", signed_in, methods=["POST"], response_model=None)
    router.add_api_route("/sign-out", signed_out, methods=["POST"], response_model=None)
    app.include_router(router)


def _shown(page: PageView) -> Callable[[Request], Awaitable[Response]]:
    async def show(request: Request) -> Response:
        try:
            template, found = await page(request)
        except CollectorError as error:
            return _refusal(request, error)
        return HTMLResponse(render(template, request, **found), headers=_HEADERS)

    return show


async def _table(request: Request) -> Response:
    try:
        response = await download(request)
    except CollectorError as error:
        return _refusal(request, error)
    response.headers.update(_HEADERS)
    return response


def _refusal(request: Request, error: CollectorError) -> Response:
    """Renders an error page; an unauthenticated reader is asked for a token."""
    if isinstance(error, Unauthenticated | Forbidden):
        return RedirectResponse("/sign-in", 303, _HEADERS)
    found = {
        "title": "That cannot be shown",
        "message": str(error),
        "problems": error.problems if isinstance(error, InvalidField) else [],
        "is_away": isinstance(error, Unavailable),
    }
    headers = {**headers_of(error), **_HEADERS}
    return HTMLResponse(render("problem.html", request, **found), wire_status(error).http, headers)


async def static(request: Request, name: str) -> Response:
    """A file of the pages; the charts' library is the one that its Python package ships."""
    return static_response(request, _STATIC, name)


async def sign_in(request: Request) -> Response:
    """Asks for a token."""
    return HTMLResponse(render("sign_in.html", request, title="Sign in", refused=False), headers=_HEADERS)


async def signed_in(request: Request) -> Response:
    """Start a session of a token that may read, in a cookie that no script sees and no other site sends."""
    try:
        form = parse_qs((await read_body(request, _FORM_BYTES)).decode("utf-8", "replace"))
        digest = token_digest(f"Bearer {form.get('token', [''])[0]}")
        answers(request).authenticator.identify_digest(digest, Role.READ)
    except (Unauthenticated, Forbidden, TooLarge):
        page = render("sign_in.html", request, title="Sign in", refused=True)
        return HTMLResponse(page, 403, _HEADERS)
    response = RedirectResponse("/", 303, _HEADERS)
    secure = request.url.scheme == "https"
    session_id = sessions(request).start(digest or b"")
    response.set_cookie(
        COOKIE, session_id, max_age=LIFETIME_SECONDS, httponly=True, samesite="strict", secure=secure
    )
    return response


async def signed_out(request: Request) -> Response:
    """End the session."""
    sessions(request).end(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign-in", 303, _HEADERS)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response
