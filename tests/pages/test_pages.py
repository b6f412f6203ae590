"""The pages over HTTP: what they show is what the API says, whoever may not look is asked for a token."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import time
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from agenttrace_collector.query.backends import NullReader
from agenttrace_collector.web.app import PAGES
from agenttrace_collector.web.sessions import LIFETIME_SECONDS, Sessions
from tests.support import plain_http
from tests.support.api import Api, application, tokens_file
from tests.support.collector import running_collector
from tests.support.demo_data import OF_AGENT, filled_with_demo
from tests.support.receivers import wait_until
from tests.support.run_documents import DECISION, run_document

AGENT = OF_AGENT["agent_id"]
LISTED = [path for path in PAGES if "{" not in path]
MOST_PACKED_BYTES = 2_000_000


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API of a collector with the demo's data, which serves the pages too."""
    with filled_with_demo(tmp_path_factory.mktemp("pages")) as collector:
        yield Api(collector)


def text(api: Api, path: str, **parameters: str) -> str:
    """A page as a reader sees it: without tags, its spaces folded."""
    answer = api.get(path, **parameters)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


@pytest.mark.parametrize("path", LISTED)
def test_every_page_is_there(api: Api, path: str) -> None:
    """Complete, and with nothing from another host."""
    page = api.get(path)
    assert page.status_code == 200
    assert page.text.rstrip().endswith("</html>")
    assert re.findall(r"""(?:src|href)=["'](?!/|#|data:,)""", page.text) == []
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_the_overview_shows_the_numbers_of_the_api(api: Api) -> None:
    """Under the same filters."""
    shown = text(api, "/", agent=AGENT)
    stats = api.found("/v1/stats", **OF_AGENT)
    for name in ("runs", "successful", "failed", "steps", "decisions"):
        assert f" {name} {stats[name]:,} " in shown
    assert " label.pattern agenttrace.decision.selected forbidden-sender 1 " in text(api, "/")


def test_runs_lead_to_a_run(api: Api) -> None:
    """With its steps and what was decided and observed, derived ones with their rule."""
    failed = {run["run_id"] for run in api.found("/v1/runs", page_size=100)["runs"] if run["failed_steps"]}
    listed = re.findall(r'href="/runs/([0-9a-f-]{36})', api.get("/runs", agent=AGENT).text)
    run_id = next(each for each in listed if each in failed)
    details = api.found(f"/v1/runs/{run_id}/details")
    shown = text(api, f"/runs/{run_id}")
    assert all(f" {step['step_type']} {step['name']} " in shown for step in details["steps"])
    assert shown.count(" observed ") == len(details["quality_signals"])
    assert "derived by tool.unavailable" in shown


@pytest.mark.parametrize(
    ("where", "runs"),
    [
        ({"decision": "retry_strategy:retry_budget_exhausted"}, 5),
        ({"signal": "empty_retrieval:no_results"}, 16),
        ({"signal": "tool_failure:unavailable"}, 36),
        ({"failure": "tool:timeout"}, 0),
        ({"status": "failure"}, 116),
        ({"decision": "x' OR 1 --:y"}, 0),
    ],
)
def test_rows_lead_to_their_runs(api: Api, where: dict[str, str], runs: int) -> None:
    """As many as the API counts."""
    assert f" {runs} runs" in text(api, "/runs", agent=AGENT, **where)


@pytest.mark.parametrize("path", LISTED)
def test_every_csv_of_a_page_has_its_rows(api: Api, path: str) -> None:
    """Under the page's filters."""
    page = api.get(path, agent=AGENT)
    links = {unescape(link) for link in re.findall(r'href="(/csv/[^"]+)"', page.text)}
    assert links
    for link in links:
        answer = api.send("GET", link)
        assert answer.status_code == 200, link
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert all(row.get("agent_id", AGENT) == AGENT for row in rows)


def test_nothing_to_show_says_what_to_do(api: Api) -> None:
    """Another agent than there is."""
    for path in LISTED:
        shown = text(api, path, agent="nobody")
        assert any(said in shown for said in ("fits the filters", "fit the filters", "is stored of these"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/?span=CANARY", 400),
        ("/?source=CANARY", 400),
        (f"/?agent={'x' * 200}", 422),
        ("/runs?status=CANARY", 400),
        ("/runs/CANARY", 422),
        ("/runs/00000000-0000-0000-0000-000000000001", 404),
        ("/csv/CANARY", 404),
        ("/static/CANARY", 404),
        ("/static/..%2fapp.py", 404),
    ],
)
def test_what_is_wrong_is_said(api: Api, path: str, status: int) -> None:
    """What is allowed, never what was asked for."""
    answer = api.send("GET", path)
    assert answer.status_code == status
    assert "CANARY" not in answer.text
    assert "Traceback" not in answer.text


def test_what_an_agent_is_called_is_text(api: Api) -> None:
    """Nothing in a URL becomes markup."""
    page = api.get("/runs", decision="<script>alert(1)</script>:x")
    assert "<script>alert" not in page.text


def test_the_first_view_is_small(api: Api) -> None:
    """Everything that it loads, packed as it is sent."""
    page = api.get("/").text
    loaded = ["/", *re.findall(r'(?:src|href)="(/static/[^"]+)"', page)]
    sizes = {}
    for path in loaded:
        with httpx.stream("GET", api.collector.url("api", path), trust_env=False) as answer:
            sizes[path] = len(b"".join(answer.iter_raw()))
    print(sizes)
    assert set(sizes) == {"/", "/static/pages.css", "/static/pages.js", "/static/plotly.js"}
    assert sum(sizes.values()) < MOST_PACKED_BYTES


def test_a_token_is_asked_for_and_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a cookie that no script sees and no other site sends; one that may not read is refused."""
    directory = tmp_path_factory.mktemp("signed")
    with running_collector(directory, extensions__auth__tokens_file=str(tokens_file(directory))) as collector:
        with httpx.Client(base_url=collector.url("api"), trust_env=False) as browser:
            for path in ("/", "/csv/runs", "/csv/stats"):
                assert browser.get(path).headers["location"] == "/sign-in"
                for token in ("nobody", "acme-ingest"):
                    stranger = {"authorization": f"Bearer {token}"}
                    assert browser.get(path, headers=stranger).status_code == 303
                reader = {"authorization": "Bearer acme-read"}
                assert browser.get(path, headers=reader).status_code == 200
            for token in ("nobody", "acme-ingest", "", "n\u00f6body \u2603"):
                refused = browser.post("/sign-in", data={"token": token})
                assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
            let_in = browser.post("/sign-in", data={"token": "acme-read"})
            cookie = let_in.headers["set-cookie"]
            assert {"HttpOnly", "SameSite=strict", "Max-Age=43200"} <= set(cookie.split("; "))
            assert "acme-read" not in cookie
            assert [browser.get(path).status_code for path in ("/", "/csv/runs")] == [200, 200]
            ended = dict(browser.cookies)
            assert 'action="/sign-out"' in browser.get("/").text
            assert browser.post("/sign-out").headers["location"] == "/sign-in"
            assert browser.get("/").status_code == 303
            stale = {"cookie": f"agenttrace_session={ended['agenttrace_session']}"}
            assert browser.get("/", headers=stale).status_code == 303
            assert browser.get("/", headers={**stale, **reader}).status_code == 200
        assert "acme-read" not in collector.log()


def test_a_form_of_another_site_signs_nobody_in_or_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    """By its origin, which a browser tells of every form; one of our own pages is let in."""
    directory = tmp_path_factory.mktemp("forms")
    with running_collector(directory, extensions__auth__tokens_file=str(tokens_file(directory))) as collector:
        for path, origin, status in (
            ("/sign-in", "https://evil.example", 403),
            ("/sign-in", "null", 403),
            ("/sign-out", "https://evil.example", 403),
            ("/sign-in", collector.url("api", ""), 303),
            ("/sign-out", collector.url("api", ""), 303),
        ):
            answer = plain_http.post(
                collector.url("api", path), data={"token": "acme-read"}, headers={"origin": origin}
            )
            assert answer.status_code == status, (path, origin)


def test_a_session_ends_with_its_time() -> None:
    """Without a request that would end it."""
    moments = [0.0]
    sessions = Sessions(lambda: moments[0])
    session_id = sessions.start(b"digest")
    assert sessions.token_digest(session_id) == b"digest"
    moments[0] = LIFETIME_SECONDS
    assert sessions.token_digest(session_id) is None


def test_a_database_that_is_away_is_said_to_be() -> None:
    """With what to do next; the page is made in this process over questions that fail."""

    async def look() -> httpx.Response:
        transport = httpx.ASGITransport(application(NullReader()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.get("/")

    answer = asyncio.run(look())
    assert answer.status_code == 503
    assert "load this page again" in answer.text


def test_a_step_shows_the_decision_that_it_carries_out(api: Api) -> None:
    """On the run's page and in the API, by the id that the sender gave both."""
    chosen = {**DECISION, "decision_id": "choice-1"}
    sent = run_document(time.time_ns(), decisions=[chosen])
    sent["steps"][0]["decision_id"] = "choice-1"
    assert api.post(sent).status_code == 201
    path = f"/v1/runs/{sent['run_id']}/details"
    wait_until(lambda: api.get(path).status_code == 200 and bool(api.found(path)["decisions"]))
    found = api.found(path)
    assert [step["decision_id"] for step in found["steps"]] == [found["decisions"][0]["decision_id"], None]
    assert "carries out tool_selection: search_flights" in text(api, f"/runs/{sent['run_id']}")
