"""A process in which nobody has set OpenTelemetry up: one warning that names the remedy, and a count."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import agenttrace
from agenttrace.capture import capture
from tests.support.python_process import run

LOGGED = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s %(pathname)s:%(lineno)d")
import agenttrace
"""
AGENT = """
with agenttrace.AgentTracer("desk").start_run() as run:
    run.record_decision("tool_selection", "web", "cost_optimization")
    agenttrace.record_decision("tool_selection", "web", "cost_optimization")
with agenttrace.AgentTracer("desk").start_run() as run:
    run.record_failure("tool", "timeout")
"""
OUTSIDE = 'agenttrace.record_decision("tool_selection", "web", "cost_optimization")\n' * 2
REMOTE = """
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span
with use_span(NonRecordingSpan(SpanContext(7, 7, True, TraceFlags(1)))):
""" + "".join(f"    {line}\n" for line in OUTSIDE.splitlines())
COUNTS = "\nprint(agenttrace.counters())"
WARNING = "nobody has set OpenTelemetry up in this process; call `agenttrace.configure()` once"


@pytest.mark.parametrize(
    ("script", "events", "line"),
    [(AGENT, 3, 6), (OUTSIDE, 2, 5), (REMOTE, 2, 8)],
    ids=["runs", "nothing", "the context of another process"],
)
def test_one_warning_and_a_count_of_its_own(script: str, events: int, line: int) -> None:
    """However many runs and events are lost, also under an upstream trace; the place is the first call's."""
    printed = run("-c", f"{LOGGED}{script}{COUNTS}")
    assert printed.count(WARNING) == printed.count("<string>:") == 1
    assert f"<string>:{line}" in printed
    assert f"unconfigured={events}, unsampled=0" in printed
    assert "refused={}" in printed


def test_a_run_without_events_is_told_too() -> None:
    """Its spans are lost alike."""
    printed = run("-c", LOGGED + 'with agenttrace.AgentTracer("desk").start_run(): pass' + COUNTS)
    assert printed.count(WARNING) == 1
    assert "unconfigured=0" in printed


def test_where_all_is_switched_off_there_is_nothing_to_tell() -> None:
    """By our switch, or by OpenTelemetry's: an SDK that is there and disabled is no mistake."""
    assert WARNING not in run("-c", LOGGED + AGENT + COUNTS, AGENTTRACE_ENABLED="false")
    set_up = "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
    set_up += "trace.set_tracer_provider(TracerProvider())\n"
    printed = run("-c", LOGGED + set_up + AGENT + COUNTS, OTEL_SDK_DISABLED="true")
    assert WARNING not in printed
    assert "unconfigured=0, unsampled=3" in printed


def test_it_is_a_warning_in_strict_too() -> None:
    """The tests of an agent need not set anything up."""
    printed = run("-c", LOGGED + AGENT + COUNTS, AGENTTRACE_STRICT="true")
    assert "unconfigured=3" in printed


def test_logs_without_a_logger_provider_are_told() -> None:
    """The log carrier needs `configure`, too."""
    printed = run("-c", LOGGED + AGENT + COUNTS, AGENTTRACE_EVENTS="log")
    assert printed.count("nobody has set up a logger provider in this process") == 1
    assert "unlogged=3" in printed


def test_tracers_made_before_configure_record_after_it() -> None:
    """And what was lost before stays counted."""
    printed = run(
        "-c",
        f"{LOGGED}early = agenttrace.AgentTracer('desk')\n{OUTSIDE}agenttrace.configure('desk')\n"
        "with early.start_run() as run:\n    run.record_failure('tool', 'timeout')\n" + COUNTS,
        OTEL_TRACES_EXPORTER="console",
    )
    assert "recorded={'agenttrace.failure': 1}" in printed
    assert "unconfigured=2" in printed
    assert '"name": "invoke_agent desk"' in printed


def test_a_bad_variable_does_not_stop_an_agent() -> None:
    """Without `configure` it is logged at first use, and the default stands."""
    printed = run("-c", LOGGED + AGENT + COUNTS, AGENTTRACE_EVENTS="pigeon")
    assert "unconfigured=3" in printed
    assert "AGENTTRACE_EVENTS: must be one of span, log, both; the default is used" in printed


def test_a_span_that_the_sampler_left_out_is_unsampled() -> None:
    """On a provider that is set up, with or without a run of ours."""
    with capture(sampler=ALWAYS_OFF) as captured:
        with captured.tracer().start_run() as run_:
            run_.record_failure("tool", "timeout")
        with captured.tracer_provider.get_tracer("framework").start_as_current_span("chat"):
            agenttrace.record_failure("tool", "timeout")
        assert (captured.counters().unsampled, captured.counters().unconfigured) == (2, 0)
