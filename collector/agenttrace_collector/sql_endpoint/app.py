"""The HTTP interface of ClickHouse over the embedded database: GET and POST, read-only, for admins."""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.database import open_database
from agenttrace_collector.config.sections import Config, MemoryLimiter
from agenttrace_collector.errors import CollectorError, Forbidden, Throttled, wire_status
from agenttrace_collector.query import lanes
from agenttrace_collector.query.lanes import Lanes, QuerySettings
from agenttrace_collector.receivers.answers import headers_of
from agenttrace_collector.server.auth import Authenticator, Role
from agenttrace_collector.sql_endpoint.frames import pack
from agenttrace_collector.sql_endpoint.native import REVISION, with_revision
from agenttrace_collector.sql_endpoint.problems import SqlRefused, to_sql_error
from agenttrace_collector.sql_endpoint.request import SqlRequest, authorization, read
from agenttrace_collector.sql_endpoint.settings import BOUNDED
from agenttrace_collector.sql_endpoint.statement import form_of, uses, validate_statement

_log: Final = logging.getLogger(__name__)
_THREADS: Final = 2
_SECONDS: Final = 60
_MOST_QUESTIONS: Final = 16
_MOST_LARGE_BODIES: Final = 8
# Last, so that no client's setting stands in their place; what the check let pass cannot write either.
_LIMITS: Final = {
    "readonly": 2,
    "allow_ddl": 0,
    "max_execution_time": _SECONDS,
    "do_not_merge_across_partitions_select_final": 1,
}
_TYPES: Final = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/octet-stream",
}
_SMALLEST_PACKED: Final = 1024
_LIMIT_MIB: Final = MemoryLimiter().limit_mib


class _Found(NamedTuple):
    """The result of a statement; `size` is in bytes, before compression."""

    form: str
    data: bytes
    size: int
    is_packed: bool = False


@dataclass(frozen=True, slots=True)
class Sql:
    """Runs statements on its own connections; a connection that had an error is not used again."""

    engine: ClickHouse
    database: str
    authenticator: Authenticator
    lanes: Lanes = field(default_factory=lambda: _lanes(_LIMIT_MIB))
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_QUESTIONS))
    large_bodies: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_LARGE_BODIES))

    async def answer(self, request: Request) -> Response:
        """Runs one statement; a GET without one, which clients and load balancers send as a check, returns `Ok.`."""
        if request.method in {"GET", "HEAD"} and "query" not in request.query_params:
            return PlainTextResponse("Ok.\n")
        try:
            self._identify(request)
            asked = await read(request, self.database, self.large_bodies)
            if self.places.locked():
                message = "as many statements are being answered as can be"
                raise Throttled(message)
            async with self.places:
                run = functools.partial(self._run, asked, _wants_gzip(request))
                found = await self.lanes.run(run)
        except CollectorError as error:
            refused = to_sql_error(error)
            # What the engine says may be another kind of failure than the connection's.
            return _refusal(refused, headers_of(error) if refused.status == wire_status(error).http else {})
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - the request's border: a fault here must not end the server
            _log.exception("a statement failed", extra={"error": type(error).__name__})
            return _refusal(to_sql_error(error), {})
        return _answer(asked, found)

    def _identify(self, request: Request) -> None:
        try:
            self.authenticator.identify(authorization(request), Role.ADMIN)
        except Forbidden:
            message = "free SQL reads every tenant's rows: it needs a token of the role admin; the API answers for one"
            raise Forbidden(message) from None

    def _run(self, asked: SqlRequest, wants_gzip: bool, limits: QuerySettings) -> _Found:  # noqa: FBT001 - called by an executor
        if uses(asked.text, self.database):
            return self._packed(asked, asked.form, b"", wants_gzip=False)
        bound = {name: value for name, value in asked.settings.items() if name.startswith("param_")}
        bounds = {**_LIMITS, **limits}
        largest = {name: int(bounds[name]) for name in BOUNDED}
        statement = validate_statement(self.engine, asked.text, bound, self.database, largest=largest)
        own = form_of(statement)
        form = own or asked.form
        data = self.engine.raw(statement, {**asked.settings, **bounds}, None if own else form)
        if form == "Native" and asked.revision >= REVISION:
            data = with_revision(data)
        return self._packed(asked, form, data, wants_gzip=wants_gzip)

    @staticmethod
    def _packed(asked: SqlRequest, form: str, data: bytes, *, wants_gzip: bool) -> _Found:
        # Not on the event loop, which others wait for: an answer may be a gigabyte.
        if asked.wants_frames:
            return _Found(form, pack(data), len(data))
        if not wants_gzip or len(data) <= _SMALLEST_PACKED:
            return _Found(form, data, len(data))
        return _Found(form, gzip.compress(data, compresslevel=1, mtime=0), len(data), is_packed=True)

    def close(self) -> None:
        """Waits for running statements and closes the connections."""
        self.lanes.close()
        self.engine.close()


def open_sql(config: Config, authenticator: Authenticator) -> Sql:
    """Opens the configured embedded database with connections that neither the writer nor the API uses."""
    settings = config.exporters.clickhouse
    engine = open_database(settings)
    limit_mib = config.processors.memory_limiter.limit_mib
    return Sql(engine, settings.database, authenticator, _lanes(limit_mib))


def _lanes(limit_mib: int) -> Lanes:
    return lanes.Lanes(
        _THREADS,
        lanes.small_lane(limit_mib, lanes.STATEMENT_PARTS),
        lanes.LargeLane(lanes.large_lane(limit_mib, lanes.LARGE_STATEMENT_PARTS)),
    )


def build_sql_app(sql: Sql) -> Starlette:
    """Returns the application, with the paths that clients use to check that a server responds."""
    methods = ["GET", "HEAD", "POST"]
    return Starlette(
        routes=[
            Route("/ping", _says("Ok.\n"), methods=["GET", "HEAD"]),
            Route("/replicas_status", _says("Ok.\n"), methods=["GET", "HEAD"]),
            Route("/{path:path}", sql.answer, methods=methods),
        ]
    )


def _says(text: str) -> Callable[[Request], Awaitable[Response]]:
    async def say(request: Request) -> Response:
        del request
        return PlainTextResponse(text)

    return say


def _wants_gzip(request: Request) -> bool:
    wants = request.query_params.get("enable_http_compression") == "1"
    return wants and "gzip" in request.headers.get("accept-encoding", "")


def _answer(asked: SqlRequest, found: _Found) -> Response:
    headers = {
        "X-ClickHouse-Summary": json.dumps({"result_bytes": str(found.size)}),
        "X-ClickHouse-Server-Display-Name": "agenttrace",
        "X-ClickHouse-Query-Id": asked.query_id,
        "X-ClickHouse-Format": found.form,
        "X-ClickHouse-Timezone": str(asked.settings["session_timezone"]),
    }
    if found.is_packed:
        headers["Content-Encoding"] = "gzip"
    return Response(found.data, 200, headers, media_type=_TYPES.get(found.form, "text/plain; charset=UTF-8"))


def _refusal(refused: SqlRefused, said: Mapping[str, str]) -> Response:
    headers = {
        **said,
        "X-ClickHouse-Exception-Code": str(refused.code),
        "X-ClickHouse-Server-Display-Name": "agenttrace",
    }
    return PlainTextResponse(refused.text(), refused.status, headers)
