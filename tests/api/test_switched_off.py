"""`enforce.decisions` in every combination with clients that send decisions and signals, or do not.

Switched off, ingest stores runs, steps and failures only, and the endpoints of decisions and signals answer 503.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agenttrace.processor import RunSpanProcessor
from agenttrace.runtime import Runtime, activate, active
from agenttrace.settings import Settings
from agenttrace.tracer import AgentTracer
from agenttrace_schemas.rules import Policy
from tests.support.api import Api, Operation, operations
from tests.support.collector import Collector, running_collector
from tests.support.http import post
from tests.support.receivers import EXPORT_TRACES, wait_until
from tests.support.run_documents import DECISION, FAILURE, SIGNAL, run_document

pytestmark = pytest.mark.long

OF_DECISIONS = ("/v1/approvals", "/v1/decisions", "/v1/signals", "/v1/compare", "/v1/correlate")
Send = Callable[[Collector, bool], str]


@pytest.fixture(scope="module", params=[True, False], ids=["kept", "switched off"])
def kept(request: pytest.FixtureRequest) -> bool:
    """Whether the collector keeps decisions and signals."""
    return bool(request.param)


@pytest.fixture(scope="module")
def collector(kept: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:  # noqa: FBT001 - a fixture
    """A collector told so."""
    settings = {"processors__enforce__decisions": str(kept).lower(), "derive__quiet": "0.2s"}
    with running_collector(tmp_path_factory.mktemp("collector"), **settings) as running:
        yield running


def traced(records: bool) -> tuple[bytes, str]:  # noqa: FBT001 - a case
    """A request of our SDK, its decisions on or off, and the run in it."""
    run_id, before, spans = str(uuid4()), active(), InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(RunSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(spans))
    activate(Runtime(Settings(policy=Policy(decisions=records))))
    try:
        agent = AgentTracer("traced-agent", "1.0", tracer_provider=provider)
        with agent.start_run(run_id=run_id) as run, run.step("tool", "search"):
            run.record_decision("tool_selection", "search", "fresh_data_required")
            run.record_quality_signal("schema_valid", "full_match", value=True)
            run.record_failure("tool", "timeout")
    finally:
        activate(before)
        provider.shutdown()
    return encode_spans(spans.get_finished_spans()).SerializeToString(), run_id


def over_http(collector: Collector, records: bool) -> str:  # noqa: FBT001 - a case
    """Our SDK over OTLP/HTTP."""
    request, run_id = traced(records)
    assert post(collector, "traces", request).startswith("200")
    return run_id


def over_grpc(collector: Collector, records: bool) -> str:  # noqa: FBT001 - a case
    """Our SDK over OTLP/gRPC."""
    request, run_id = traced(records)
    with grpc.insecure_channel(collector.grpc) as channel:
        channel.unary_unary(EXPORT_TRACES, None, None)(request, timeout=30)
    return run_id


def as_document(collector: Collector, records: bool) -> str:  # noqa: FBT001 - a case
    """A client of POST /v1/runs."""
    stated = {"decisions": [DECISION], "quality_signals": [SIGNAL]} if records else {}
    sent = run_document(time.time_ns(), status="failure", failure=FAILURE, **stated)
    answer = Api(collector).post(sent)
    assert answer.status_code == 201
    return str(sent["run_id"])


@pytest.mark.parametrize("records", [True, False], ids=["sent", "not sent"])
@pytest.mark.parametrize("send", [over_http, over_grpc, as_document])
def test_what_is_stored(collector: Collector, send: Send, *, kept: bool, records: bool) -> None:
    """Runs, steps and failures always, decisions and signals where both sides have them."""
    run_id = send(collector, records)
    api, path = Api(collector), f"/v1/runs/{run_id}"
    wait_until(lambda: api.get(path).status_code == 200 and api.found(path)["settled"], 20)
    details = api.found(f"{path}/details")
    recorded = [
        each
        for name in ("decisions", "quality_signals")
        for each in details[name]
        if each["source"] == "recorded"
    ]
    assert (bool(details["steps"]), len(details["failures"])) == (True, 1)
    assert len(recorded) == (2 if kept and records else 0)
    assert details["decisions_enabled"] is kept
    assert kept or not details["quality_signals"]


def test_a_document_is_told_what_is_switched_off(collector: Collector, *, kept: bool) -> None:
    """Each by its place, and the run is stored."""
    answer = Api(collector).post(run_document(time.time_ns(), decisions=[DECISION], quality_signals=[SIGNAL]))
    named = [(each["field"], each["rule"]) for each in answer.json()["refused"]]
    refused = [("decisions[0]", "event.disabled"), ("quality_signals[0]", "event.disabled")]
    assert answer.status_code == 201
    assert named == ([] if kept else refused)


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_which_endpoints_answer(collector: Collector, operation: Operation, *, kept: bool) -> None:
    """Those of decisions and signals say 503 and why; there is nothing to try again soon."""
    if "{run_id}" in operation.path:
        return
    answer = Api(collector).get(operation.path, **operation.required())
    if kept or not operation.path.startswith(OF_DECISIONS):
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["error"]) == (503, "switched_off")
        assert "enforce.decisions" in answer.json()["message"]


def test_counts_say_what_is_switched_off(collector: Collector, *, kept: bool) -> None:
    """None rather than 0: nothing is known of them."""
    assert (Api(collector).found("/v1/stats")["decisions"] is None) is not kept
    assert Api(collector).found("/health")["decisions"] is kept
