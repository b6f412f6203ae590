"""`opentelemetry-instrument` with our distro: no code, nothing said leaves, other exporters keep what they had."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource

from agenttrace.bridge import EventToSpanEventBridge
from agenttrace.capture import capture
from agenttrace.exporting import AgentTraceLogExporter
from agenttrace.settings import Settings
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from tests.support.otlp_recorder import Recorder, recording

APP = """
from opentelemetry import trace
tracer = trace.get_tracer("some.framework")
with tracer.start_as_current_span("invoke_agent planner") as span:
    span.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"})
    span.set_attribute("gen_ai.input.messages", "CANARY question")
    try:
        with tracer.start_as_current_span("execute_tool search CANARY") as tool:
            tool.set_attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"})
            tool.set_attribute("gen_ai.tool.call.arguments", "CANARY arguments")
            raise ValueError("CANARY message")
    except ValueError:
        pass
"""
"""An application that knows nothing of us."""


def instrumented(directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the application as `opentelemetry-instrument` runs it."""
    (directory / "app.py").write_text(APP)
    program = Path(sys.executable).with_name("opentelemetry-instrument")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [program, sys.executable, "app.py"],
        cwd=directory,
        env={**environment, "OTEL_SERVICE_NAME": "shop", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def spans(recorder: Recorder) -> dict[str, dict[str, Any]]:
    """The attributes of each span that came, by its name."""
    return {
        span.name: {each.key: each.value.string_value for each in span.attributes}
        for body in recorder.bodies()
        for of in ExportTraceServiceRequest.FromString(body).resource_spans
        for within in of.scope_spans
        for span in within.spans
    }


def test_no_code_and_nothing_said(tmp_path: Path) -> None:
    """The facts leave, from the names of both spans to the type of the error; no word that was said."""
    with recording() as recorder:
        done = instrumented(
            tmp_path, OTEL_PYTHON_DISTRO="agenttrace", OTEL_EXPORTER_OTLP_ENDPOINT=recorder.endpoint
        )
    assert done.returncode == 0
    assert not [word for word in ("CANARY", "Traceback") if word in done.stdout + done.stderr]
    assert spans(recorder) == {
        "invoke_agent planner": {
            wire.GEN_AI_OPERATION_NAME: "invoke_agent",
            wire.GEN_AI_AGENT_NAME: "planner",
        },
        "_redacted span": {wire.GEN_AI_OPERATION_NAME: "execute_tool", wire.GEN_AI_TOOL_NAME: "search"},
    }
    assert not [body for _, body in recorder.received if b"CANARY" in body]
    assert any(b"ValueError" in body and b"shop" in body for body in recorder.bodies())


def test_another_exporter_gets_what_it_got_before(tmp_path: Path) -> None:
    """Beside ours, whole."""
    with recording() as recorder:
        variables = {
            "OTEL_PYTHON_DISTRO": "agenttrace",
            "OTEL_TRACES_EXPORTER": "agenttrace,console",
            "OTEL_EXPORTER_OTLP_ENDPOINT": recorder.endpoint,
        }
        done = instrumented(tmp_path, **variables)
    assert "CANARY question" in done.stdout
    assert "CANARY message" in done.stdout
    assert not [body for _, body in recorder.received if b"CANARY" in body]


def test_a_distro_that_is_not_asked_for_stands_back(tmp_path: Path) -> None:
    """Being installed changes nothing for an application that is set up by another one."""
    with recording() as recorder:
        variables = {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": recorder.endpoint,
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        }
        done = instrumented(tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    assert any(b"CANARY question" in body for body in recorder.bodies())


def test_the_bridge_puts_events_on_their_span() -> None:
    """A typed event that left as a log record stands on the span, once, with its time."""
    with capture(Settings(events="log", strict=True)) as captured:
        captured.logger_provider.add_log_record_processor(EventToSpanEventBridge())
        with captured.tracer().start_run() as run, run.step("tool", "search"):
            run.record_decision("tool_selection", "search", "fresh_data_required")
        (logged,) = captured.log_events(wire.EVENT_DECISION)
        (bridged,) = captured.events(wire.EVENT_DECISION)
    assert (bridged.attributes, bridged.time) == (logged.attributes, logged.time)


class Kept(LogRecordExporter):
    """Keeps what would leave."""

    def __init__(self) -> None:
        self.records: list[ReadableLogRecord] = []

    def export(self, batch: Any) -> LogRecordExportResult:
        """Keep it."""
        self.records += batch
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """Do nothing."""
        del timeout_millis
        return True


@pytest.mark.parametrize(
    ("name", "attributes", "leaves"),
    [
        (wire.EVENT_SIGNAL, {wire.SIGNAL_TYPE: "tool_success", wire.SIGNAL_CODE: "first_attempt"}, 1),
        (wire.EVENT_SIGNAL, {wire.SIGNAL_TYPE: "CANARY", wire.SIGNAL_CODE: "first_attempt"}, 0),
        ("gen_ai.user.message", {"content": "CANARY"}, 0),
        (None, {}, 0),
    ],
)
def test_only_typed_events_leave_as_log_records(
    name: str | None, attributes: dict[str, Any], leaves: int
) -> None:
    """With their run and without their body; other records stay in the process."""
    kept = Kept()
    record = LogRecord(
        timestamp=1,
        body="CANARY",
        event_name=name,
        attributes={**attributes, wire.SIGNAL_VALUE: True, wire.RUN_ID: "a-run", "gen_ai.prompt": "CANARY"},
    )
    readable = ReadableLogRecord(record, Resource({"service.name": "shop", "host.name": "CANARY"}))
    AgentTraceLogExporter(kept, policy=Policy()).export([readable])
    assert len(kept.records) == leaves
    assert b"CANARY" not in (encode_logs(kept.records).SerializeToString() if kept.records else b"")
    assert all(dict(each.log_record.attributes or {})[wire.RUN_ID] == "a-run" for each in kept.records)


def test_a_provider_of_logs_takes_the_bridge() -> None:
    """Records that are no events of ours pass it by."""
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(EventToSpanEventBridge())
    provider.get_logger("some").emit(LogRecord(timestamp=1, body="CANARY"))
    assert provider.force_flush()
