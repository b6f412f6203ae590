"""Every kind of failure is told alike on every surface: gRPC, OTLP over HTTP, API, pages, SQL, command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import httpx
import pytest
from typer.testing import CliRunner

from agenttrace_collector.api.problems import FieldProblem, InvalidField, UnknownValue
from agenttrace_collector.cli.app import app as commands
from agenttrace_collector.clickhouse.client import ClickHouse, QueryRejected, ServerUnavailable
from agenttrace_collector.errors import (
    FAULT,
    STATUS,
    CollectorError,
    Forbidden,
    Invalid,
    NotFound,
    OverLimit,
    Rejected,
    SwitchedOff,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unlisted,
    UnsupportedMedia,
    WireStatus,
)
from agenttrace_collector.query import Answer
from agenttrace_collector.server.auth import Authenticator, Identity, Role
from agenttrace_collector.server.http import HttpListener, serve_http
from agenttrace_collector.sql_endpoint.app import Sql, build_sql_app
from tests.support import plain_http
from tests.support.api import application
from tests.support.receivers import Receivers, Settings, receivers

# Written out once more: the test of the table must not be made from it.
EXPECTED: Mapping[type[CollectorError], tuple[str, grpc.StatusCode, int, int, int]] = {
    TooLarge: ("too_large", grpc.StatusCode.RESOURCE_EXHAUSTED, 413, 307, 1),
    UnsupportedMedia: ("unsupported_media", grpc.StatusCode.UNIMPLEMENTED, 415, 36, 1),
    Unauthenticated: ("unauthenticated", grpc.StatusCode.UNAUTHENTICATED, 401, 516, 1),
    Forbidden: ("forbidden", grpc.StatusCode.PERMISSION_DENIED, 403, 497, 1),
    Unlisted: ("unknown_value", grpc.StatusCode.INVALID_ARGUMENT, 400, 36, 1),
    Invalid: ("invalid", grpc.StatusCode.INVALID_ARGUMENT, 422, 36, 1),
    NotFound: ("not_found", grpc.StatusCode.NOT_FOUND, 404, 60, 1),
    SwitchedOff: ("switched_off", grpc.StatusCode.FAILED_PRECONDITION, 503, 344, 1),
    OverLimit: ("over_limit", grpc.StatusCode.RESOURCE_EXHAUSTED, 422, 396, 1),
    Rejected: ("refused", grpc.StatusCode.INVALID_ARGUMENT, 400, 36, 1),
    Throttled: ("come_later", grpc.StatusCode.UNAVAILABLE, 429, 202, 69),
    Unavailable: ("unavailable", grpc.StatusCode.UNAVAILABLE, 503, 210, 69),
}
FAULTY = ("internal", grpc.StatusCode.INTERNAL, 500, 1002, 70)
SAID = "it failed so"
SECRET = "CANARY"
PROTOBUF = "application/x-protobuf"
PAGES = ("/", "/runs", "/decisions", "/compare", "/csv/runs", "/csv/decisions_aggregate")


def failure(kind: type[Exception]) -> Exception:
    """One of this kind; a fault's text is not to be seen."""
    if issubclass(kind, SwitchedOff):
        return kind()
    return kind(SAID if issubclass(kind, CollectorError) else SECRET)


@dataclass(slots=True)
class Failing(Authenticator):
    """Fails in the way that is chosen, where every surface begins."""

    error: Exception = field(default_factory=Exception)

    def identify_digest(self, digest: bytes | None, role: Role) -> Identity:
        """Fail."""
        del digest, role
        raise self.error


@dataclass(frozen=True, slots=True)
class Surfaces:
    """Everything that answers, failing alike."""

    failing: Failing
    live: Receivers
    api: str
    sql: str

    def get(self, address: str, path: str) -> httpx.Response:
        """GET, without following where it leads."""
        return plain_http.get(address + path)


@pytest.fixture(scope="module")
def surfaces() -> Iterator[Surfaces]:
    """All of them, in this process."""
    failing = Failing()
    with receivers(Settings(authenticator=failing)) as live:
        app = application(NoAnswers(), authenticator=failing)
        sql = Sql(cast("ClickHouse", Engine()), "agenttrace", failing)
        listeners = [live.run(_listening(each)) for each in (app, build_sql_app(sql))]
        yield Surfaces(failing, live, *(f"http://{each.address}" for each in listeners))
        for each in listeners:
            live.run(each.stop(1))


async def _listening(app: Any) -> HttpListener:
    return serve_http(app, "127.0.0.1:0")


class NoAnswers:
    """Questions of which each fails in the way that is chosen."""

    error: Exception = Exception()

    async def ask(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """Fail."""
        del name, tenant, parameters
        raise self.error

    def close(self) -> None:
        """Do nothing."""


class Engine(NoAnswers):
    """An engine of which each statement fails so."""

    def query(self, statement: str, parameters: Mapping[str, Any]) -> Any:
        """Fail."""
        del statement, parameters
        raise self.error


def test_every_kind_is_expected() -> None:
    """A kind that is new has to be told somewhere here."""
    told = {
        kind: (status.name, grpc.StatusCode[status.grpc], status.http, status.sql[0], status.exit)
        for kind, status in STATUS.items()
    }
    assert told == EXPECTED
    assert WireStatus("internal", "INTERNAL", 500, (1002, "UNKNOWN_EXCEPTION"), 70) == FAULT


@pytest.mark.parametrize("kind", [*EXPECTED, RuntimeError], ids=lambda kind: kind.__name__)
def test_a_failure_is_told_alike_everywhere(surfaces: Surfaces, kind: type[Exception]) -> None:
    """Its status by the table, its text where it is one of ours and nowhere else."""
    surfaces.failing.error = failure(kind)
    name, code, status, clickhouse, leaves = dict(EXPECTED).get(cast("type[CollectorError]", kind), FAULTY)
    called = surfaces.live.refused(b"")
    assert called.code() is code
    posted = plain_http.post(
        f"{surfaces.live.http}/v1/traces", headers={"content-type": PROTOBUF}, content=b""
    )
    assert posted.status_code == status
    answer = surfaces.get(surfaces.api, "/v1/runs")
    assert (answer.status_code, answer.json()["error"]) == (status, name)
    asked = surfaces.get(surfaces.sql, "/?query=SELECT+1")
    assert (asked.status_code, asked.headers["x-clickhouse-exception-code"]) == (status, str(clickhouse))
    ended = CliRunner().invoke(commands, ["stats"], env={"AGENTTRACE_API": surfaces.api})
    assert ended.exit_code == leaves
    texts = [called.details() or "", posted.text, answer.text, asked.text, ended.output]
    assert SECRET not in "".join(texts)
    if issubclass(kind, CollectorError):
        # The SQL endpoint says in other words who may not ask.
        said = [text for text in texts if kind is not Forbidden or text is not asked.text]
        assert [text for text in said if str(surfaces.failing.error) not in text] == []
    for headers in (posted.headers, answer.headers, asked.headers):
        assert ("retry-after" in headers) == issubclass(kind, Unavailable)
        assert ("www-authenticate" in headers) == (status == 401)


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_the_status_of_the_api(surfaces: Surfaces, path: str) -> None:
    """But for whoever may not look: a browser is led to where a token can be given."""
    for kind in (*EXPECTED, RuntimeError):
        surfaces.failing.error = failure(kind)
        page = surfaces.get(surfaces.api, path)
        if kind in {Unauthenticated, Forbidden}:
            assert (page.status_code, page.headers["location"]) == (303, "/sign-in"), kind
            continue
        assert page.status_code == surfaces.get(surfaces.api, "/v1/runs").status_code, kind
        assert ("retry-after" in page.headers) == issubclass(kind, Unavailable)
        assert SECRET not in page.text


def test_fields_are_named_on_pages_too() -> None:
    """As the API names them."""
    assert issubclass(UnknownValue, Unlisted)
    assert issubclass(InvalidField, Invalid)
    error = InvalidField([FieldProblem(field="step", message="must be a number")])
    page = asyncio.run(_asked(application(NoAnswers(), authenticator=Failing(error=error)), "/csv/runs"))
    assert (page.status_code, "step: must be a number" in page.text) == (422, True)


# ClickHouse's code of a failure, whether it is for good, and the status everywhere.
ENGINE = [
    (QueryRejected(62, "SYNTAX_ERROR"), 400, 503),
    (QueryRejected(158, "TOO_MANY_ROWS"), 422, 422),
    (QueryRejected(396, "TOO_MANY_ROWS_OR_BYTES"), 422, 422),
    (ServerUnavailable(159, "TIMEOUT_EXCEEDED"), 422, 422),
    (ServerUnavailable(241, "MEMORY_LIMIT_EXCEEDED"), 422, 422),
    (ServerUnavailable(999, "KEEPER_EXCEPTION"), 503, 503),
    (ServerUnavailable(0, ""), 503, 503),
    (Unavailable("ClickHouse is not available"), 503, 503),
]


@pytest.mark.parametrize(("error", "own", "ours"), ENGINE, ids=lambda each: str(each)[-32:])
def test_what_the_database_says_is_told_alike(error: Exception, own: int, ours: int) -> None:
    """A statement that cannot be read is the client's own on the SQL endpoint, and ours in a named query."""
    questions, engine = NoAnswers(), Engine()
    questions.error = engine.error = error
    app = application(questions)
    for path in ("/v1/runs", "/runs", "/", "/csv/runs", "/csv/stats"):
        assert asyncio.run(_asked(app, path)).status_code == ours, path
    sql = build_sql_app(Sql(cast("ClickHouse", engine), "agenttrace", Authenticator()))
    answer = asyncio.run(_asked(sql, "/?query=SELECT+1"))
    assert answer.status_code == own
    assert ("retry-after" in answer.headers) == (own == 503)


async def _asked(app: Any, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        return await client.get(path)
