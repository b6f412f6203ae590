"""A run that goes on under its id in another process ends as the last of them says."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

import pytest
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, Span, get_current_span, set_span_in_context

from agenttrace import AgentTracer
from agenttrace.codes import StatusName
from agenttrace.processor import RunSpanProcessor
from agenttrace_collector.decode.batch import Context as Receiving
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.settle import RunRows, Thresholds, settle_run
from agenttrace_collector.settle.model import SettleContext
from agenttrace_schemas import wire
from agenttrace_schemas.derived_rows import RunFactsRow
from agenttrace_schemas.rows import RunRow, StepRow
from agenttrace_schemas.rules import Policy
from tests.support.rows import rows_of


class Process:
    """What one process exports of a run, its parent that of another process or none."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(RunSpanProcessor())
        self.provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.parent = Context()

    def run(
        self, run_id: str, status: StatusName | None, *, fails: bool = False, agent_inside: bool = False
    ) -> None:
        """Go through the run; the next process may be called from inside of it."""
        token = attach(self.parent)
        with (
            suppress(TimeoutError),
            AgentTracer("desk", tracer_provider=self.provider).start_run(run_id=run_id) as run,
        ):
            self.here = get_current_span().get_span_context()
            if status:
                run.set_status(status)
            if agent_inside:
                self._agent().end()
            with run.step("tool", "search"):
                if fails:
                    raise TimeoutError
        detach(token)

    def outlived(self, run_id: str, status: StatusName) -> None:
        """A framework's agent inside the run that ends after it."""
        with AgentTracer("desk", tracer_provider=self.provider).start_run(run_id=run_id) as run:
            run.set_status(status)
            agent = self._agent()
        agent.end()

    def _agent(self) -> Span:
        tracer = self.provider.get_tracer("framework")
        return tracer.start_span(
            "invoke_agent helper", attributes={wire.GEN_AI_OPERATION_NAME: "invoke_agent"}
        )


def facts(*processes: Process, order: Sequence[int] | None = None) -> RunFactsRow:
    """What the run of these processes is settled to, whatever the order in which they sent."""
    spans = [span for process in processes for span in process.spans.get_finished_spans()]
    if order is not None:
        spans = [spans[number] for number in order]
    body = encode_spans(spans).SerializeToString()
    batch = decode_traces(body, Receiving(Policy(), "default", time.time_ns()))
    steps, candidates = list(rows_of(batch, StepRow)), list(rows_of(batch, RunRow))
    rows = RunRows("default", steps[0].run_id, steps, (), candidates)
    found = settle_run(rows, SettleContext(Policy(), Thresholds(), 1)).facts
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("partial", None, "success"),
        ("partial", "failure", "failure"),
        ("failure", "success", "success"),
        (None, "partial", "partial"),
    ],
)
@pytest.mark.parametrize("trace", ["its own", "the same"])
def test_the_last_process_decides(
    first: StatusName | None, second: StatusName | None, expected: str, trace: str
) -> None:
    """In a trace of its own, or in the first one's where the context was passed on."""
    run_id, one, two = str(uuid4()), Process(), Process()
    one.run(run_id, first)
    if trace == "the same":
        two.parent = set_span_in_context(NonRecordingSpan(one.here), Context())
    two.run(run_id, second)
    for order in itertools.permutations(range(4)):
        assert facts(one, two, order=order).status == expected


def test_the_error_is_that_of_the_last_process() -> None:
    """A run that failed and was taken up again to its end has no error; the other way round it has."""
    run_id, one, two = str(uuid4()), Process(), Process()
    one.run(run_id, None, fails=True)
    two.run(run_id, None)
    assert (facts(one).status, facts(one).error_type) == ("failure", "TimeoutError")
    assert (facts(one, two).status, facts(one, two).error_type) == ("success", "")
    three = Process()
    three.run(run_id, None, fails=True)
    assert (facts(one, two, three).status, facts(one, two, three).error_type) == ("failure", "TimeoutError")


def test_an_agent_inside_the_run_does_not_decide() -> None:
    """A framework's agent below our run says how itself ended, even where it ends last."""
    run_id, process = str(uuid4()), Process()
    process.run(run_id, "partial", agent_inside=True)
    assert facts(process).status == "partial"
    outlived = Process()
    outlived.outlived(run_id, "failure")
    assert facts(outlived).status == "failure"
