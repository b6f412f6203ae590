"""Pages of other sites, which a user's browser shows, reach nothing: by Host, by Origin, on every listener."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from agenttrace_collector.server.browsers import BrowserRules, origins_pattern
from tests.support import plain_http
from tests.support.api import tokens_file
from tests.support.collector import Collector, running_collector

EVIL = "evil.example"
# What a page of another site would like to reach, by listener: reading, SQL, erasing, sending.
REQUESTS = [
    ("api", "GET", "/v1/runs", ""),
    ("api", "GET", "/", ""),
    ("api", "POST", "/v1/purge", '{"before": "2100-01-01T00:00:00Z", "dry_run": false}'),
    ("api", "POST", "/v1/runs", "{}"),
    ("http", "POST", "/v1/traces", "{}"),
    ("clickhouse", "GET", "/?query=SELECT%201", ""),
    ("clickhouse", "POST", "/", "SELECT 1"),
    ("metrics", "GET", "/metrics", ""),
]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One without tokens, with a name of its own and an origin that may send."""
    settings = {
        "extensions__auth__allowed_hosts": "[traces.example.org, '*.inside.example.org']",
        "receivers__otlp__protocols__http__cors__allowed_origins": "['https://app.example.org']",
    }
    with running_collector(tmp_path_factory.mktemp("browsers"), **settings) as running:
        yield running


def request(
    collector: Collector, listener: str, method: str, path: str, body: str = "", **headers: str
) -> int:
    """The status of a request as a browser makes it."""
    sent = {
        "content-type": "application/json",
        **{name.replace("_", "-"): each for name, each in headers.items()},
    }
    answer = plain_http.request(method, collector.url(listener, path), content=body, headers=sent, timeout=30)
    return answer.status_code


@pytest.mark.parametrize(("listener", "method", "path", "body"), REQUESTS)
def test_another_site_reads_and_changes_nothing(
    collector: Collector, listener: str, method: str, path: str, body: str
) -> None:
    """By a name of its own that resolves to this machine, or by requests that no preflight holds back."""
    port = collector.ports[listener]
    own = request(collector, listener, method, path, body)
    assert own != 403
    for headers, status in (
        ({"host": f"{EVIL}:{port}"}, 403),
        ({"host": f"127.0.0.1.{EVIL}:{port}"}, 403),
        ({"host": f"localhost.{EVIL}"}, 403),
        ({"host": f"{EVIL}:{port}", "origin": f"http://{EVIL}:{port}", "sec_fetch_site": "same-origin"}, 403),
        ({"origin": f"https://{EVIL}"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, 403),
        ({"host": f"localhost:{port}"}, own),
        ({"host": f"[::1]:{port}"}, own),
        ({"host": "10.1.2.3"}, own),
        ({"host": "Traces.example.org."}, own),
        ({"host": "a.inside.example.org:80"}, own),
        ({"host": f"localhost:{port}", "origin": f"http://localhost:{port}"}, own),
    ):
        assert request(collector, listener, method, path, body, **headers) == status, headers
    assert collector.ready()


def test_a_refusal_does_not_repeat_the_name(collector: Collector) -> None:
    """Which may be anything; it says what is allowed."""
    answer = plain_http.get(collector.url("api", "/v1/runs"), headers={"host": EVIL})
    assert "extensions.auth.allowed_hosts" in answer.text
    assert EVIL not in answer.text
    assert EVIL not in collector.log()


def test_a_configured_origin_still_sends_and_reads_nothing(collector: Collector) -> None:
    """OTLP alone is taken from it."""
    origin = "https://app.example.org"
    assert request(collector, "http", "POST", "/v1/traces", "{}", origin=origin) == 200
    asking = {"origin": origin, "access_control_request_method": "POST"}
    assert request(collector, "http", "OPTIONS", "/v1/traces", **asking) == 200
    assert request(collector, "api", "GET", "/v1/runs", origin=origin) == 403


def test_a_link_of_another_site_is_followed(collector: Collector) -> None:
    """Nothing of what it opens is readable there."""
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert request(collector, "api", "GET", "/runs", **link) == 200


def test_probes_come_under_any_name(collector: Collector) -> None:
    """Of orchestrators and load balancers."""
    for listener, path in (("health", "/"), ("api", "/health"), ("clickhouse", "/ping")):
        assert request(collector, listener, "GET", path, host=EVIL) == 200, listener


def test_with_tokens_any_name_is_a_host(tmp_path: Path) -> None:
    """A page of another site has no token; metrics ask for one of their own role."""
    settings = {
        "extensions__auth__tokens_file": str(tokens_file(tmp_path)),
        "service__telemetry__metrics__require_token": "true",
    }
    with running_collector(tmp_path, **settings) as collector:
        assert request(collector, "api", "GET", "/v1/runs", host=EVIL) == 401
        read = {"authorization": "Bearer acme-read"}
        assert request(collector, "api", "GET", "/v1/runs", host=EVIL, **read) == 200
        assert request(collector, "api", "GET", "/v1/runs", origin=f"https://{EVIL}", **read) == 403
        for token, status in (("", 401), ("acme-operator", 403), ("acme-admin", 200)):
            told = {"authorization": f"Bearer {token}"} if token else {}
            assert request(collector, "metrics", "GET", "/metrics", **told) == status, token


def test_every_answer_tells_browsers_what_not_to_do_with_it(collector: Collector) -> None:
    """Pages, their forms, the API and its description, SQL, refusals."""
    for listener, path in (
        ("api", "/"),
        ("api", "/docs"),
        ("api", "/openapi.json"),
        ("api", "/v1/runs"),
        ("api", "/nothing"),
        ("clickhouse", "/?query=SELECT%201"),
        ("metrics", "/metrics"),
    ):
        headers = plain_http.get(collector.url(listener, path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cache-control"] == "no-store", path


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://h:1", "host": "h:1"}, True),
        ({"origin": "http://h:2", "host": "h:1"}, False),
        ({"origin": "https://behind.a.proxy", "host": "h:1", "sec-fetch-site": "same-origin"}, True),
        ({"origin": "https://listed.example", "host": "h:1"}, True),
        ({"origin": "https://a.sends.example", "host": "h:1"}, True),
        ({"origin": "https://a.sends.example.evil.example", "host": "h:1"}, False),
        ({"origin": "http://[", "host": "h:1"}, False),
        ({"origin": "", "host": ""}, False),
    ],
)
def test_an_origin_is_ours_or_configured(headers: dict[str, str], allowed: bool) -> None:  # noqa: FBT001 - a case
    """Or there is none, as with every client that is no browser."""
    rules = BrowserRules(lambda: True, ("listed.example",))
    origins = origins_pattern(["https://*.sends.example"])
    assert rules.allows_origin(Headers(headers), origins) is allowed
