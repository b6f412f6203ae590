"""Settling gives the same answers in whatever order, split and number of copies the spans arrive."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.settle import RunRows, Settled, Thresholds, settle_run
from agenttrace_collector.settle.model import SettleContext
from agenttrace_schemas.rows import RunRow, SpanLinkRow, StepRow
from agenttrace_schemas.rules import Policy
from tests.support.corpus import RECORDED_AT, Scenario, scenarios
from tests.support.rows import rows_of

CONTEXT = Context(Policy(), "default", RECORDED_AT)
ROUND = SettleContext(Policy(), Thresholds(), RECORDED_AT)


def settled(bodies: list[bytes]) -> dict[bytes, Settled]:
    """What the runs of these requests come to; rows with the same key fall together, as they are stored."""
    steps: defaultdict[bytes, dict[bytes, StepRow]] = defaultdict(dict)
    links: defaultdict[bytes, dict[int, SpanLinkRow]] = defaultdict(dict)
    runs: defaultdict[bytes, dict[int, RunRow]] = defaultdict(dict)
    for body in bodies:
        batch = decode_traces(body, CONTEXT)
        for step in rows_of(batch, StepRow):
            steps[step.run_id][step.step_id] = step
        for link in rows_of(batch, SpanLinkRow):
            links[link.run_id][link.span_id] = link
        for run in rows_of(batch, RunRow):
            runs[run.run_id][run.span_id] = run
    return {
        run_id: settle_run(
            RunRows(
                "default",
                run_id,
                list(found.values()),
                list(links[run_id].values()),
                list(runs[run_id].values()),
            ),
            ROUND,
        )
        for run_id, found in steps.items()
    }


def rearranged(scenario: Scenario, random: Random) -> list[bytes]:
    """Its spans one by one in any order, some of them twice."""
    spans = []
    for body in scenario.bodies("traces"):
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    request = ExportTraceServiceRequest()
                    alone = request.resource_spans.add(resource=resource_spans.resource)
                    alone.scope_spans.add(scope=scope_spans.scope).spans.append(span)
                    spans += [request.SerializeToString()] * random.choice((1, 1, 2))
    random.shuffle(spans)
    return spans


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(scenarios()), st.randoms(use_true_random=False))
def test_order_splits_and_copies_change_nothing(scenario: Scenario, random: Random) -> None:
    """Each run's facts, steps, signals, decisions and failures are those of the requests as recorded."""
    assert settled(rearranged(scenario, random)) == settled(scenario.bodies("traces"))


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(scenarios()), st.randoms(use_true_random=False))
def test_any_part_of_a_run_can_be_settled(scenario: Scenario, random: Random) -> None:
    """Spans that never arrive, parents that name each other: no answer fails, no step counts twice."""
    bodies = rearranged(scenario, random)
    for run in settled(bodies[: random.randrange(len(bodies) + 1)]).values():
        ids = [step.step_id for step in run.steps]
        assert len(set(ids)) == len(ids)
        assert run.facts is None or len(run.facts.step_ids) <= len(ids)


def test_parents_that_name_each_other_stand_alone() -> None:
    """A loop of parents, which no tracer makes, ends."""
    scenario = scenarios()[0]
    (steps, *_) = (rows_of(decode_traces(body, CONTEXT), StepRow) for body in scenario.bodies("traces"))
    looped = [
        replace(step, parent_span_id=other.span_id)
        for step, other in zip(steps, reversed(steps), strict=True)
    ]
    found = settle_run(RunRows("default", steps[0].run_id, looped), ROUND)
    assert found.facts is not None
