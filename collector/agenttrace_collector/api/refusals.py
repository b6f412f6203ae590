"""Maps failures to responses by the table of `errors`."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from agenttrace_collector.api.params import allowed_in
from agenttrace_collector.api.problems import FieldProblem, InvalidField, ProblemDetails, UnknownValue
from agenttrace_collector.errors import FAULT, STATUS, CollectorError, Invalid, wire_status
from agenttrace_collector.receivers.answers import INTERNAL, headers_of
from agenttrace_collector.server.faults import FaultBorder

# What the framework refuses by itself; where several kinds share a status, the most general names it.
_NAMES: Final = {405: "method_not_allowed", **{status.http: status.name for status in STATUS.values()}}
_MESSAGES: Final = {404: "no resource has this path", 405: "this path does not support this method"}


def refuse_with_reason(app: FastAPI) -> None:
    """Answer every failure of a request as `ProblemDetails`."""
    app.add_exception_handler(CollectorError, _collector_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(FaultBorder, refusal=_refusal(FAULT.http, FAULT.name, INTERNAL))


async def _collector_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, CollectorError)  # noqa: S101 - registered for it
    status = wire_status(error)
    response = _refusal(status.http, status.name, str(error), _problems(error))
    response.headers.update(headers_of(error))
    return response


def _problems(error: CollectorError) -> list[FieldProblem]:
    if isinstance(error, UnknownValue):
        return [error.problem]
    return error.problems if isinstance(error, InvalidField) else []


async def _validation_error(_: Request, error: Exception) -> Response:
    """Names the parameter and what it must be; pydantic's own message may repeat the value."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    named = dict.fromkeys((str(each["loc"][-1]), each["type"]) for each in error.errors())
    problems = [allowed_in(field, kind) for field, kind in named]
    status = STATUS[Invalid]
    return _refusal(status.http, status.name, "parameters of the request are invalid", problems)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    status = error.status_code
    message = _MESSAGES.get(status, "the request is refused")
    response = _refusal(status, _NAMES.get(status, "refused"), message)
    response.headers.update(error.headers or {})
    if status == 405:
        response.headers["allow"] = ", ".join(_methods(request)) or response.headers.get("allow", "")
    return response


def _methods(request: Request) -> list[str]:
    """All methods of a path; a route knows only its own."""
    paths = request.app.openapi()["paths"].items()
    fitting = (methods for path, methods in paths if compile_path(path)[0].match(request.url.path))
    return sorted({name.upper() for methods in fitting for name in methods})


def _refusal(status: int, name: str, message: str, problems: list[FieldProblem] | None = None) -> Response:
    body = ProblemDetails(error=name, message=message, problems=problems or [])
    return JSONResponse(body.model_dump(exclude_none=True), status)
