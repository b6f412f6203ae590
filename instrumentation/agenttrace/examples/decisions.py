"""An agent that states its decisions: a support desk that routes questions to a tool.

Run it with `python -m agenttrace.examples.decisions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opentelemetry.sdk.trace import TracerProvider

import agenttrace
from agenttrace import AgentTracer, DecisionType, ReasonCode, Run, StepType
from agenttrace.codes import ToolSelectionReason

TOOLS: Final = ("order_lookup", "order_cache", "policy_search")


@dataclass(frozen=True, slots=True)
class SupportQuestion:
    """What the desk meets: a topic, how old its cached answer may be, how old it is."""

    topic: str
    allowed_age: int
    cached_age: int
    complex: bool = False


QUESTIONS: Final = (
    SupportQuestion("order", allowed_age=0, cached_age=40),
    SupportQuestion("order", allowed_age=300, cached_age=40),
    SupportQuestion("policy", allowed_age=3600, cached_age=7200),
    SupportQuestion("policy", allowed_age=3600, cached_age=60, complex=True),
)


def answer(run: Run, question: SupportQuestion) -> None:
    """Plan, look something up, respond; each choice is recorded where it is made."""
    with run.step(StepType.PLAN, "route", model="small-router"):
        tool, decision = choose_tool(run, question)
    with run.step(StepType.TOOL, tool, decision=decision) as step:
        step.add_metadata(topic=question.topic, cached_age_seconds=question.cached_age)
    with run.step(StepType.RESPOND, "reply", input_tokens=420, output_tokens=96):
        choose_response(run, question)


def choose_tool(run: Run, question: SupportQuestion) -> tuple[str, str | None]:
    """The choice, its reason as a code, what else there was, and how sure the agent says it is; and its id."""
    fresh = question.cached_age > question.allowed_age
    reason: ToolSelectionReason
    if question.topic == "policy":
        selected, reason = "policy_search", ReasonCode.ACCURACY_REQUIRED
    elif fresh:
        selected, reason = "order_lookup", ReasonCode.FRESH_DATA_REQUIRED
    else:
        selected, reason = "order_cache", ReasonCode.CACHED_DATA_SUFFICIENT
    decision = run.record_decision(
        DecisionType.TOOL_SELECTION, selected, reason, candidates=TOOLS, confidence=0.6 if fresh else 0.9
    )
    return selected, decision


def choose_response(run: Run, question: SupportQuestion) -> None:
    """Plain strings do as well as enum members."""
    if question.complex:
        run.record_decision("orchestration_path", "ask_specialist", "conditional_branch")
    run.record_decision("response_mode", "single_message", "length_constraint")


def main(tracer_provider: TracerProvider | None = None) -> None:
    """Answer the questions, one run each."""
    provider = tracer_provider or agenttrace.configure("support-desk", "3.2")
    tracer = AgentTracer("support-desk", "3.2", environment="example", tracer_provider=provider)
    for question in QUESTIONS:
        with tracer.start_run() as run:
            answer(run, question)
    provider.force_flush()


if __name__ == "__main__":
    main()
