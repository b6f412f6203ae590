"""What is said of a run after its end: a log record of its own, whatever carries the other events."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import agenttrace
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings
from agenttrace_schemas import wire
from tests.support.otlp_recorder import recording
from tests.support.python_process import run as run_script

SAID = "CANARY she asked for her money back"


def test_an_outcome_is_of_the_run_and_of_no_span(agenttrace_capture: Capture) -> None:
    """Also where another run is current."""
    with agenttrace_capture.tracer().start_run() as ended:
        pass
    with agenttrace_capture.tracer("other").start_run():
        outcome = agenttrace.record_outcome(ended.id, "failure", "tool", "timeout")
    (event,) = agenttrace_capture.log_events()
    assert event.name == wire.EVENT_OUTCOME
    assert event.attributes == {
        wire.RUN_ID: ended.id,
        wire.AGENT_ID: "unknown",
        wire.OUTCOME_STATUS: "failure",
        wire.OUTCOME_FAILURE_TYPE: "tool",
        wire.OUTCOME_FAILURE_CODE: "timeout",
        wire.OUTCOME_ID: outcome,
    }
    assert [(log.log_record.trace_id, log.log_record.span_id) for log in agenttrace_capture.logs] == [(0, 0)]
    assert agenttrace_capture.counters().recorded == {wire.EVENT_OUTCOME: 1}


def test_an_evaluation_of_a_run_that_has_ended(agenttrace_capture: Capture) -> None:
    """Its step is one of that run."""
    assert agenttrace.record_evaluation("tone", 0.5, run_id="order-7", step_id="s-1")
    (event,) = agenttrace_capture.log_events()
    assert (event.attributes[wire.RUN_ID], event.attributes[wire.STEP_ID]) == ("order-7", "s-1")
    assert agenttrace_capture.events() == []


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        (("r", SAID), "outcome.status"),
        (("r", "failure", SAID, "timeout"), "outcome.failure"),
        (("r", "failure", "tool"), "outcome.failure"),
        (("r", "success", "tool", "timeout"), "outcome.failure"),
        ((SAID, "failure"), "misuse"),
        ((None, "failure"), "misuse"),
    ],
)
def test_what_a_rule_refuses_is_told_without_it(
    stated: tuple[Any, ...], rule: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing is raised."""
    with capture(Settings()) as captured, caplog.at_level(logging.DEBUG):
        assert agenttrace.record_outcome(*stated) is None
        assert captured.counters().refused == {rule: 1}
        assert captured.logs == ()
    assert caplog.records
    assert "CANARY" not in caplog.text


PROGRAM = """
import agenttrace
agenttrace.configure("desk", "1", endpoint={endpoint!r})
with agenttrace.AgentTracer("desk").start_run() as run:
    run.record_decision("tool_selection", "orders", "cost_optimization")
assert agenttrace.record_outcome(run.id, "failure", "tool", "timeout")
assert agenttrace.record_evaluation("tone", 0.5, run_id=run.id)
assert agenttrace.counters().recorded["agenttrace.outcome"] == 1
"""


@pytest.mark.parametrize("endpoint", [True, False])
def test_a_process_whose_events_stand_on_spans_sends_it_too(endpoint: bool) -> None:  # noqa: FBT001 - a case
    """The pipeline is made when it is needed, to where spans go, and emptied at the end of the process."""
    with recording() as recorder:
        variables = {} if endpoint else {"OTEL_EXPORTER_OTLP_ENDPOINT": recorder.endpoint}
        script = PROGRAM.format(endpoint=recorder.endpoint if endpoint else None)
        run_script("-c", script, **variables)
    spans, logs = b"".join(recorder.bodies()), b"".join(recorder.bodies("/v1/logs"))
    assert (spans.count(b"agenttrace.decision.id"), logs.count(b"agenttrace.decision.id")) == (1, 0)
    assert (logs.count(b"agenttrace.outcome.id"), logs.count(b"agenttrace.evaluation.id")) == (1, 1)
