"""An agent that records quality signals: a search over documents that checks what it gets.

Run it with `python -m agenttrace.examples.signals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opentelemetry.sdk.trace import TracerProvider

import agenttrace
from agenttrace import AgentTracer, Run, RunStatus, SignalCode, SignalType, StepType

SLOW_MS: Final = 800


@dataclass(frozen=True, slots=True)
class Lookup:
    """What one question meets: documents found and left after filtering, the answer's form, the cost."""

    found: int
    kept: int
    fields_missing: int
    elapsed_ms: int
    tokens: int


LOOKUPS: Final = (
    Lookup(found=8, kept=5, fields_missing=0, elapsed_ms=310, tokens=900),
    Lookup(found=6, kept=6, fields_missing=1, elapsed_ms=420, tokens=1_400),
    Lookup(found=3, kept=0, fields_missing=4, elapsed_ms=290, tokens=300),
    Lookup(found=0, kept=0, fields_missing=4, elapsed_ms=1_900, tokens=250),
    Lookup(found=9, kept=7, fields_missing=0, elapsed_ms=950, tokens=7_800),
)


def search(run: Run, lookup: Lookup) -> None:
    """What the retrieval returned, as a number and as a signal."""
    with run.step(StepType.RETRIEVE, "handbook", retrieval_count=lookup.kept):
        run.record_quality_signal(
            SignalType.EMPTY_RETRIEVAL,
            SignalCode.NO_RESULTS if lookup.found == 0 else SignalCode.FILTERED_OUT,
            lookup.kept == 0,
            weight=0.8,
        )


def respond(run: Run, lookup: Lookup) -> None:
    """Whether the answer has the form that was asked for, and what it cost."""
    with run.step(StepType.RESPOND, "summarise", output_type="json") as step:
        step.set(model="example-model", input_tokens=lookup.tokens, output_tokens=lookup.tokens // 6)
        complete = lookup.fields_missing == 0
        run.record_quality_signal(
            "schema_valid",
            "full_match" if complete else "partial_match",
            lookup.fields_missing < 4,
            metadata={"fields_missing": lookup.fields_missing},
        )
        run.record_quality_signal("token_usage", "high_usage", lookup.tokens > 5_000)
    run.record_quality_signal("latency_threshold", "exceeded_threshold", lookup.elapsed_ms > SLOW_MS)


def evaluate(run: Run, lookup: Lookup) -> None:
    """What an evaluator of the application's own makes of the run: a number and a label, no words."""
    complete = lookup.fields_missing == 0
    run.record_evaluation(
        "completeness", 1 - lookup.fields_missing / 4, "complete" if complete else "partial"
    )


def main(tracer_provider: TracerProvider | None = None) -> None:
    """Look everything up, one run each; a run without documents ends as partial."""
    provider = tracer_provider or agenttrace.configure("handbook-search", "1.7")
    tracer = AgentTracer("handbook-search", "1.7", environment="example", tracer_provider=provider)
    for lookup in LOOKUPS:
        with tracer.start_run() as run:
            search(run, lookup)
            respond(run, lookup)
            evaluate(run, lookup)
            run.set_status(RunStatus.SUCCESS if lookup.kept else RunStatus.PARTIAL)
    provider.force_flush()


if __name__ == "__main__":
    main()
