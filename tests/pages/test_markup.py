"""What is stored is text on every page, also where a site stores every label that is printable."""

from __future__ import annotations

import time
from collections.abc import Mapping
from uuid import UUID, uuid4

import pytest

from agenttrace_schemas import wire
from tests.support import plain_http
from tests.support.api import Api
from tests.support.collector import running_collector
from tests.support.otlp import ASpan, traces
from tests.support.reference import Value

MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'\"><svg/onload=alert(1)>",
    "</script><script>alert(1)//",
    "{{7*7}}${7*7}",
    "javascript:alert(1)",
)
WHOLE = ("<script>alert", "<img src=x", "<svg/onload", 'href="javascript:', ">49<")


def run(now: int) -> tuple[bytes, UUID]:
    """A request with markup in everything that may be a text, and its run."""
    trace_id = uuid4()
    decisions: list[tuple[str, Mapping[str, Value]]] = [
        (
            wire.EVENT_DECISION,
            {
                wire.DECISION_TYPE: "tool_selection",
                wire.DECISION_SELECTED: text,
                wire.DECISION_REASON_CODE: "fresh_data_required",
                wire.DECISION_CANDIDATES: [text, "other"],
                f"{wire.METADATA_PREFIX}note": text,
            },
        )
        for text in MARKUP
    ]
    root = ASpan(
        attributes={wire.GEN_AI_OPERATION_NAME: "invoke_agent", wire.GEN_AI_AGENT_NAME: MARKUP[0]},
        events=decisions,
        trace_id=trace_id.bytes,
        name=MARKUP[1],
        start=now - 10**9,
        end=now,
    )
    return traces(root, resource={"service.name": MARKUP[2], "service.version": MARKUP[3]}), trace_id


@pytest.mark.slow
def test_markup_that_is_stored_is_shown_as_text(tmp_path_factory: pytest.TempPathFactory) -> None:
    """In every page and download, as in the answers of the API, which are no HTML."""
    settings = {"processors__enforce__labels": "relaxed", "derive__quiet": "1s"}
    with running_collector(tmp_path_factory.mktemp("markup"), **settings) as collector:
        body, run_id = run(time.time_ns())
        headers = {"content-type": "application/x-protobuf"}
        plain_http.post(collector.url("http", "/v1/traces"), content=body, headers=headers).raise_for_status()
        api = Api(collector)
        api.eventually(lambda found: found["runs"] == 1, "/v1/stats")
        api.eventually(lambda found: found["settled"], f"/v1/runs/{run_id}")
        # It is there, so that its absence from the pages means something.
        answer = api.get(f"/v1/runs/{run_id}/details")
        selected = {decision["selected"] for decision in answer.json()["decisions"]}
        assert selected >= set(MARKUP)
        for path in ("/", "/runs", f"/runs/{run_id}", "/decisions", "/signals", "/associations", "/compare"):
            page = api.get(path)
            assert page.status_code in {200, 422}, path
            assert [part for part in WHOLE if part in page.text] == [], path
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["x-content-type-options"] == "nosniff"
