"""Retries as the protocol says: which answers mean success, never, and later."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agenttrace_collector.config import ConfigError
from agenttrace_collector.config.document import read_document
from agenttrace_collector.config.load import validated
from agenttrace_collector.config.pipelines import OtlpExporter
from agenttrace_collector.config.sections import Config
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_collector.forward.otlp_grpc import GrpcClient
from agenttrace_collector.forward.otlp_http import refused, retry_after
from tests.support.otlp_receiver import GrpcRecorder, grpc_recording

RECIPES = Path(__file__).parents[2] / "deploy" / "recipes"


def client(recorder: GrpcRecorder) -> GrpcClient:
    """A client of this receiver."""
    return GrpcClient(OtlpExporter.model_validate({"endpoint": recorder.endpoint, "tls": {"insecure": True}}))


def ends(recorder: GrpcRecorder, code: grpc.StatusCode, delay: int = 0) -> None:
    """Calls end with this code, and with a RetryInfo where there is a delay."""

    def answer(context: grpc.ServicerContext) -> bytes:
        if delay:
            status = status_pb2.Status(code=code.value[0])
            status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=delay)))
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, "said")

    recorder.answer = answer


def test_grpc_codes() -> None:
    """RESOURCE_EXHAUSTED is worth another attempt only with a RetryInfo; no message of the receiver is repeated."""
    with grpc_recording() as recorder:
        sender = client(recorder)
        for code, delay in ((grpc.StatusCode.UNAVAILABLE, 0), (grpc.StatusCode.RESOURCE_EXHAUSTED, 7)):
            ends(recorder, code, delay)
            with pytest.raises(Unavailable, match=code.name) as later:
                sender.send("traces", b"")
            assert later.value.retry_after == delay
        for code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT):
            ends(recorder, code)
            with pytest.raises(Rejected) as never:
                sender.send("traces", b"")
            assert str(never.value) == f"answers {code.name}"
        sender.close()


def test_partial_success_counts_what_was_refused() -> None:
    """Over gRPC and in the answer of HTTP; an answer of another form is a success."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 3
    assert refused("traces", answer.SerializeToString()) == 3
    assert refused("traces", b"<html>") == 0


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [("", 0), ("7", 7), ("soon", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("9" * 9, 3600)],
)
def test_retry_after(stated: str, seconds: float) -> None:
    """Seconds or a date, at most an hour."""
    assert retry_after(stated) == seconds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("exporters: {otlp_htp: {endpoint: 'http://a'}}", "unknown key"),
        ("exporters: {otlp_http: {endpoint: 'a:4318'}}", "otlp_http.endpoint must be https"),
        ("exporters: {otlp_grpc: {endpoint: 'a:1', tmeout: 1s}}", "did you mean timeout"),
        ("exporters: {otlp_grpc: {endpoint: 'a:1'}}", "no pipeline"),
        ("service: {pipelines: {traces: {exporters: [otlp_grpc]}}}", "does not stand under exporters"),
        ("exporters: {otlp_grpc: {endpoint: 'a:1', headers: {a: \"SECRET\\n\"}}}", "printable ASCII"),
    ],
)
def test_problems_of_exporters_name_their_place_and_no_value(text: str, problem: str) -> None:
    """At the start, as for every other section."""
    with pytest.raises(ConfigError) as caught:
        validated(Config, read_document(text, "a.yaml", {}))
    assert problem in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_the_recipe_is_a_configuration() -> None:
    """Its exporters are those of the guide."""
    text = (RECIPES / "gate.yaml").read_text()
    config = validated(Config, read_document(text, "gate.yaml", {"LANGFUSE_AUTHORIZATION": "Basic SECRET"}))
    assert set(config.exporters.otlp) == {"otlp_http/langfuse", "otlp_grpc"}
    assert "SECRET" not in repr(config)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("gate-*.yaml")), ids=lambda path: path.stem)
def test_each_recipe_is_a_configuration(recipe: Path) -> None:
    """With its variables set; what they hold is printed nowhere."""
    environment = {"DATADOG_OTLP_ENDPOINT": "https://otlp.example", "DATADOG_API_KEY": "SECRET"}
    config = validated(Config, read_document(recipe.read_text(), recipe.name, environment))
    (exporter,) = config.exporters.otlp
    assert exporter in config.service.pipelines.traces.exporters
    assert "SECRET" not in repr(config)
