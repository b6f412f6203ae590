"""`configure` called again, as when a notebook cell is run again, and the vocabulary it is given."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import agenttrace
from agenttrace import InvalidSetting
from agenttrace.capture import capture
from agenttrace.exporting import AgentTraceSpanExporter
from agenttrace.runtime import active
from agenttrace.settings import Settings
from agenttrace_schemas import wire
from tests.support.python_process import run


def sites_codes(directory: Path) -> Path:
    """An extension file of a site."""
    path = directory / "vocabulary.json"
    path.write_text(json.dumps({"decisions": {"tool_selection": ["user_pinned"]}}), encoding="utf-8")
    return path


def test_a_second_call_keeps_what_it_does_not_state(tmp_path: Path) -> None:
    """Counters, labels, vocabulary, environment and agent: as in a notebook cell that is run again."""
    provider = TracerProvider(shutdown_on_exit=False)
    extension = sites_codes(tmp_path)
    with capture(Settings()):
        agenttrace.configure(
            "desk",
            "2",
            "staging",
            labels="words",
            vocabulary=extension,
            tracer_provider=provider,
        )
        with agenttrace.AgentTracer("desk").start_run() as run:
            run.record_decision("tool_selection", "two words", "user_pinned")  # type: ignore[call-overload]  # a site's own
        first = active().settings
        extension.unlink()
        assert agenttrace.configure() is provider
        with agenttrace.AgentTracer("desk").start_run() as run:
            run.record_decision("tool_selection", "two words", "user_pinned")  # type: ignore[call-overload]  # a site's own
        assert active().settings == first
        assert agenttrace.counters().recorded == {wire.EVENT_DECISION: 2}
        outside = provider.get_tracer("framework").start_span("outside")
        assert isinstance(outside, ReadableSpan)
        stamps = (wire.AGENT_ID, wire.AGENT_VERSION, wire.ENVIRONMENT)
        assert [(outside.attributes or {}).get(key) for key in stamps] == ["desk", "2", "staging"]


def test_a_second_call_changes_what_it_states(tmp_path: Path) -> None:
    """Each argument by itself; the version of one agent is not given to another."""
    provider = TracerProvider(shutdown_on_exit=False)
    with capture(Settings()):
        agenttrace.configure("desk", "2", labels="relaxed", tracer_provider=provider)
        agenttrace.configure("shop", vocabulary=sites_codes(tmp_path))
        settings, stated = active().settings, active().stated
        assert (settings.policy.labels, stated.agent_id, stated.agent_version) == ("relaxed", "shop", None)
        assert "user_pinned" in settings.policy.vocabulary.decisions["tool_selection"]
        agenttrace.configure(labels="token")
        assert active().settings.policy.labels == "token"
        assert active().stated.agent_id == "shop"


def test_a_second_call_doubles_nothing() -> None:
    """A provider that was made keeps one exporter and one processor of ours; the carrier stays, too."""
    printed = run("-c", TWICE, OTEL_TRACES_EXPORTER="console", OTEL_LOGS_EXPORTER="console")
    assert printed.count('"name": "invoke_agent desk"') == 1
    assert printed.count('"event_name": "agenttrace.decision"') == 1
    assert "processors: 2 1" in printed


TWICE = """
from opentelemetry._logs import get_logger_provider
import agenttrace
early = agenttrace.AgentTracer("desk")
for stated in ({"events": "log"}, {}, {}):
    provider = agenttrace.configure("desk", **stated)
with early.start_run() as run:
    run.record_decision("tool_selection", "web", "cost_optimization")
provider.force_flush()
get_logger_provider().force_flush()
logs = get_logger_provider()._multi_log_record_processor._log_record_processors
print("processors:", len(provider._active_span_processor._span_processors), len(logs))
"""


def test_tracers_made_earlier_follow() -> None:
    """Provider and environment are looked up as a run starts, unless the tracer states its own."""
    spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with capture(Settings()) as captured:
        early = agenttrace.AgentTracer("desk")
        own = agenttrace.AgentTracer("own", environment="ci", tracer_provider=captured.tracer_provider)
        agenttrace.configure(environment="staging", tracer_provider=provider)
        for tracer in (early, own):
            with tracer.start_run():
                pass
        (followed,) = spans.get_finished_spans()
        assert (followed.attributes or {})[wire.ENVIRONMENT] == "staging"
        assert (captured.span("invoke_agent own").attributes or {})[wire.ENVIRONMENT] == "ci"


def test_exporters_made_earlier_follow(tmp_path: Path) -> None:
    """What the SDK lets pass under the site's vocabulary is not dropped behind it."""
    spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(AgentTraceSpanExporter(spans)))
    with capture(Settings()):
        agenttrace.configure(vocabulary=sites_codes(tmp_path), tracer_provider=provider)
        with agenttrace.AgentTracer("desk").start_run() as run:
            run.record_decision("tool_selection", "web", "user_pinned")  # type: ignore[call-overload]  # a site's own
    (span,) = spans.get_finished_spans()
    assert [event.name for event in span.events] == [wire.EVENT_DECISION]


def test_an_agent_that_configures_itself_is_captured() -> None:
    """Inside `capture` a call of `configure` by the code under test leaves the pipeline in memory."""
    with capture() as captured:
        assert agenttrace.configure("desk") is captured.tracer_provider
        with agenttrace.AgentTracer("desk").start_run():
            pass
        assert len(captured.spans) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "there is no file at that path"),
        ("", "the file is not JSON"),
        ('{"decisions": ["a"]}', "decisions maps types to lists of codes"),
    ],
)
def test_a_vocabulary_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, expected: str
) -> None:
    """As an argument and as a variable: which setting it is and what is the matter, and no path."""
    path = tmp_path / "secret-customer.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with capture(), pytest.raises(InvalidSetting, match=f"^vocabulary: .*{expected}") as raised:
        agenttrace.configure(vocabulary=path)
    monkeypatch.setenv("AGENTTRACE_VOCABULARY", str(path))
    with capture(), pytest.raises(InvalidSetting, match=f"^AGENTTRACE_VOCABULARY: .*{expected}") as variable:
        agenttrace.configure()
    for error in (raised, variable):
        assert "secret-customer" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("path", [7, "nul\0", Path(__file__).parent])
def test_a_vocabulary_that_is_no_file_is_refused(path: Any) -> None:
    """Nothing but `InvalidSetting` is raised, whatever stands in the place of the path."""
    with capture(), pytest.raises(InvalidSetting, match=r"^vocabulary: "):
        agenttrace.configure(vocabulary=path)
