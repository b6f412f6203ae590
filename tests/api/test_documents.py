"""POST /v1/runs against a real collector: durable, partial, once, and for the tenant of the token."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, tokens_file
from tests.support.collector import Collector, running_collector, start_collector, wait_until_ready
from tests.support.http import counted
from tests.support.packing import zstd
from tests.support.query import answers
from tests.support.receivers import wait_until
from tests.support.run_documents import DECISION, FAILURE, SIGNAL, body, run_document

SAID = "Where is my order 4711?"


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One with tokens."""
    directory = tmp_path_factory.mktemp("collector")
    with running_collector(directory, extensions__auth__tokens_file=str(tokens_file(directory))) as running:
        yield running


@pytest.fixture
def api(collector: Collector) -> Api:
    """A client that may send."""
    return Api(collector, "acme-ingest")


def document(**changes: Any) -> dict[str, Any]:
    """A run of now."""
    return run_document(time.time_ns(), **changes)


def test_a_run_is_created_once(api: Api) -> None:
    """201, then 200 for the same run, also with another text."""
    sent = document()
    first, again = api.post(sent), api.post(json.dumps(sent, indent=4).encode())
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["created"], again.json()["created"]) == (True, False)
    assert first.json()["run_id"] == again.json()["run_id"] == sent["run_id"]


def test_senders_of_one_run_at_the_same_time_create_it_once(api: Api) -> None:
    """Whoever comes second is told so."""
    sent = document()
    with ThreadPoolExecutor(4) as senders:
        codes = [each.status_code for each in senders.map(lambda _: api.post(sent), range(8))]
    assert sorted(codes) == [200] * 7 + [201]


def test_refused_decisions_are_named_and_the_run_is_stored(api: Api) -> None:
    """201, each refusal with its place and rule and without its value."""
    sent = document(
        decisions=[DECISION, {**DECISION, "selected": SAID}],
        quality_signals=[{**SIGNAL, "metadata": {"prompt": SAID}}, SIGNAL],
    )
    answer = api.post(sent)
    named = [(each["field"], each["rule"]) for each in answer.json()["refused"]]
    assert answer.status_code == 201
    assert answer.json()["stored"] == {"steps": 2, "failures": 0, "decisions": 1, "quality_signals": 1}
    assert named == [
        ("decisions[1].selected", "label.pattern"),
        ("quality_signals[0].metadata.prompt", "metadata.blocked_key"),
    ]
    assert SAID not in answer.text


def test_an_invalid_document_is_422_with_each_field_and_rule(api: Api) -> None:
    """All of them at once, no value repeated."""
    answer = api.post(document(status=SAID, steps=[{"step_type": "tool", "started_at": SAID}]))
    named = [(each["field"], each["rule"]) for each in answer.json()["problems"]]
    assert answer.status_code == 422
    assert named == [("status", "closed.set"), ("steps[0].started_at", "document.field")]
    assert SAID not in answer.text


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"", {}, 400),
        (b"{}", {}, 422),
        (b"{}", {"content_type": "text/plain"}, 415),
        (b"{}", {"content_encoding": "br"}, 415),
        (b"not gzip", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b" " * (17 << 20)), {"content_encoding": "gzip"}, 413),
        (b" " * (17 << 20), {}, 413),
    ],
    ids=["broken", "list", "empty", "nothing", "text", "brotli", "no gzip", "bomb", "large"],
)
def test_what_is_no_document_is_refused(
    api: Api, content: bytes, headers: dict[str, str], status: int
) -> None:
    """By its form, before anything of it is stored."""
    answer = api.post(content, **headers)
    assert answer.status_code == status
    assert answer.json().keys() == {"error", "message", "problems"}


def test_a_packed_document_is_taken(api: Api) -> None:
    """As OTLP requests may be."""
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "zstd": zstd.compress,
    }
    for coding, pack in packers.items():
        assert api.post(pack(body(time.time_ns())), content_encoding=coding).status_code == 201


@pytest.mark.parametrize(
    ("token", "status"), [("", 401), ("unknown", 401), ("acme-read", 403), ("acme-operator", 201)]
)
def test_only_a_sender_may_send(collector: Collector, token: str, status: int) -> None:
    """A token with the role ingest or operator."""
    assert Api(collector, token).post(document()).status_code == status


def test_run_documents_are_counted(collector: Collector, api: Api) -> None:
    """Received is accepted and refused."""
    before = counted(collector, "agenttrace_received_runs")
    api.post(document())
    api.post(document(status=SAID))
    assert counted(collector, "agenttrace_received_runs") == before + 2


@pytest.mark.long
def test_a_run_is_known_after_a_restart(tmp_path: Path) -> None:
    """By the journal at once, by the database when the journal has forgotten; other rows are as they were."""
    sent = run_document(time.time_ns(), decisions=[DECISION], quality_signals=[SIGNAL], failure=FAILURE)
    with running_collector(tmp_path) as collector:
        assert Api(collector).post(sent).status_code == 201
    with running_collector(tmp_path) as collector:
        assert Api(collector).post(sent).status_code == 200
    with running_collector(tmp_path, journal__directory=str(tmp_path / "another")) as collector:
        assert Api(collector).post({**sent, "status": "partial"}).status_code == 200
    tables = ("agent_runs", "agent_steps", "agent_failures", "agent_decisions", "agent_quality_signals")
    found = answers(tmp_path / "data", [f"SELECT run_id FROM {table}" for table in tables])  # noqa: S608 - above
    assert [len(rows) for rows in found] == [1, 2, 1, 1, 1]


def test_a_run_is_there_after_a_kill(tmp_path: Path) -> None:
    """The answer means that it is on disk."""
    with running_collector(tmp_path) as collector:
        for number in range(5):
            assert Api(collector).post(document(run_id=f"run-{number}")).status_code == 201
        collector.kill()
        again = start_collector(tmp_path, collector.settings, collector.ports)
        wait_until_ready(again)
        wait_until(lambda: counted(again, "agenttrace_journal_rows") == 0)
        again.stop()
    assert answers(tmp_path / "data", ["SELECT count() AS rows FROM runs"]) == [[{"rows": 5}]]


def test_a_database_that_is_away_does_not_keep_runs_out(tmp_path: Path) -> None:
    """They wait in the journal, which knows them too."""
    away = {"exporters__clickhouse__endpoint": "http://127.0.0.1:9/agenttrace"}
    sent = document()
    with running_collector(tmp_path, **away) as collector:
        codes = [Api(collector).post(sent).status_code for _ in range(2)]
        collector.kill()
    assert codes == [201, 200]
