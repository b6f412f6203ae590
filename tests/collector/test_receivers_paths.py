"""Paths that exporters make of an endpoint, and the origins and headers of web pages."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from agenttrace_collector.receivers.paths import canonical
from tests.support import plain_http
from tests.support.otlp import STEP, ASpan, traces
from tests.support.receivers import Receivers, Settings, receivers

PROTOBUF = {"content-type": "application/x-protobuf"}
ORIGINS = ("https://*.example.org", "http://localhost:*", "https://one.example")


@pytest.fixture(scope="module")
def live() -> Iterator[Receivers]:
    """Receivers that some pages may send to."""
    with receivers(Settings(origins=ORIGINS, headers=["x-api-key"])) as running:
        yield running


@pytest.mark.parametrize(
    "path", ["/v1/traces/", "//v1/traces", "/v1//traces///", "/v1/traces/v1/traces", "/v1/traces"]
)
def test_a_path_that_is_meant_is_served(live: Receivers, path: str) -> None:
    """As the protocol has it."""
    body = traces(ASpan(attributes=STEP))
    answer = plain_http.post(live.http + path, content=body, headers=PROTOBUF)
    assert answer.status_code == 200, path


@pytest.mark.parametrize("path", ["/", "/traces", "/otlp/v1/traces", "/v1/trace", "/api/v2/spans", "/v1"])
def test_another_path_is_answered_with_the_right_ones(live: Receivers, path: str) -> None:
    """So that whoever reads the log of the sender knows."""
    answer = plain_http.post(live.http + path, content=b"{}", headers={"content-type": "application/json"})
    assert (answer.status_code, "/v1/traces" in answer.json()["message"]) == (404, True)


def test_the_last_of_two_signals_counts() -> None:
    """An endpoint for traces with the path of logs after it."""
    assert canonical("/v1/traces/v1/logs") == "/v1/logs"
    assert canonical("/") == "/"


def preflight(live: Receivers, origin: str, header: str = "content-type") -> httpx.Response:
    """What a browser asks first."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": header}
    return plain_http.options(f"{live.http}/v1/traces", headers={"origin": origin, **asked})


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://app.example.org", True),
        ("https://a.b.example.org", True),
        ("http://localhost:5173", True),
        ("https://one.example", True),
        ("https://example.org", False),
        ("http://app.example.org", False),
        ("https://app.example.org.evil.example", False),
        ("https://evil.example/.example.org", False),
        ("https://onexexample", False),
        ("null", False),
    ],
)
def test_origins_match_with_a_wildcard(live: Receivers, origin: str, *, allowed: bool) -> None:
    """Whole, and never beyond a host."""
    answer = preflight(live, origin)
    assert (answer.status_code == 200) == allowed
    assert (answer.headers.get("access-control-allow-origin") == origin) == allowed


def test_headers_of_a_site_may_be_allowed(live: Receivers) -> None:
    """Others are not."""
    assert preflight(live, "https://one.example", "content-type, x-api-key").status_code == 200
    assert preflight(live, "https://one.example", "x-other").status_code == 400


def test_any_origin_may_be_allowed() -> None:
    """By a single wildcard."""
    with receivers(Settings(origins=["*"])) as running:
        assert preflight(running, "https://any.example").status_code == 200
