"""A sampler that keeps agent runs below parents that were left out."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    DEFAULT_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from agenttrace_schemas import wire


class RunSampler(Sampler):
    """Decides for agent runs by themselves, also below a span that was left out; asks another sampler for the rest.

    A head sampler decides at the start of a request, before anybody knows whether an agent will run in it. `runs`
    samples the spans of runs; what is inside a run follows it, as in `ParentBased`. `others`, by default OpenTelemetry's
    own default, samples the spans outside of any run. The span above such a run is not recorded: in a backend the
    run stands at the top of its trace, below a parent that never arrives.
    """

    def __init__(self, runs: Sampler = ALWAYS_ON, others: Sampler = DEFAULT_ON) -> None:
        self._runs = runs
        self._others = others
        self._inside = ParentBased(root=runs)

    def should_sample(  # noqa: PLR0917 - OpenTelemetry's order
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The decision for a span that is about to start."""
        stated = attributes or {}
        if wire.RUN_ID not in stated:
            sampler = self._others
        else:
            is_inside = wire.STEP_TYPE in stated or name == wire.EVENTS_SPAN
            sampler = self._inside if is_inside else self._runs
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """What OpenTelemetry shows of it."""
        return f"RunSampler{{runs:{self._runs.get_description()},others:{self._others.get_description()}}}"


def from_environment(argument: str | None) -> RunSampler:
    """`OTEL_TRACES_SAMPLER=agenttrace`: every run, and of the rest the ratio of OTEL_TRACES_SAMPLER_ARG, by default all."""
    try:
        ratio = float(argument) if argument else 1.0
        return RunSampler(others=ParentBased(TraceIdRatioBased(ratio)))
    except ValueError:
        return RunSampler()
