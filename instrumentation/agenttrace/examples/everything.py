"""An agent with everything: async steps, retries, a fallback, a nested agent, a failure, an exception.

Run it with `python -m agenttrace.examples.everything`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.sdk.trace import TracerProvider

import agenttrace
from agenttrace import AgentTracer, Run, Step, record_decision

ATTEMPTS: Final = 3


class RateLimited(Exception):
    """The tool asks for patience."""


class TimedOut(Exception):
    """The tool did not answer in time."""


_FAULTS: Final[dict[str, type[Exception]]] = {"rate_limit": RateLimited, "timeout": TimedOut}


@dataclass(frozen=True, slots=True)
class Trip:
    """What one booking meets: how each attempt at the fare search ends, and the seats it finds."""

    attempts: Sequence[str]
    seats: int = 4


TRIPS: Final = (
    Trip(["ok"]),
    Trip(["rate_limit", "ok"]),
    Trip(["timeout", "timeout", "ok"], seats=1),
    Trip(["timeout", "timeout", "timeout"]),
    Trip(["ok"], seats=0),
)


async def search_fares(run: Run, trip: Trip) -> bool:
    """Try the search until it answers; each attempt is a step, each retry a decision."""
    for attempt, outcome in enumerate(trip.attempts, start=1):
        try:
            async with run.step("tool", "fare_search", attempt=attempt) as step:
                await call_tool(outcome)
        except (RateLimited, TimedOut) as error:
            retry(run, step, error, attempt)
        else:
            step.record_quality_signal(
                "tool_success", "first_attempt" if attempt == 1 else "after_retry", value=True
            )
            return True
    return False


async def call_tool(outcome: str) -> None:
    """Stands in for the network; the text of an exception never leaves the process."""
    await asyncio.sleep(0)
    if outcome in _FAULTS:
        message = "no seats for the passenger named in the request"
        raise _FAULTS[outcome](message)


def retry(run: Run, step: Step, error: Exception, attempt: int) -> None:
    """What was observed, and what the agent decides to do about it."""
    limited = isinstance(error, RateLimited)
    step.record_quality_signal("tool_failure", "rate_limited" if limited else "timeout", value=True)
    if attempt == ATTEMPTS:
        step.record_decision("retry_strategy", "stop", "retry_budget_exhausted")
        return
    step.record_decision(
        "retry_strategy",
        "retry",
        "rate_limit_encountered" if limited else "transient_error_detected",
        metadata={"attempt": attempt, "budget": ATTEMPTS},
    )
    run.record_quality_signal(
        "retry_occurred", "single_retry" if attempt == 1 else "multiple_retries", value=True
    )


async def book(run: Run, helper: AgentTracer, trip: Trip) -> None:
    """One booking, from the plan to the reply."""
    async with run.step("plan", "outline", model="example-model", input_tokens=310, output_tokens=45):
        record_decision("orchestration_path", "search_then_reserve", "sequential_required")
    if not await search_fares(run, trip):
        run.record_decision("orchestration_path", "phone_desk", "fallback_path")
        run.record_failure("tool", "timeout", "fare search timed out three times")
        run.set_status("failure")
        return
    approve(run, trip)
    await reserve(helper, trip)
    async with run.step("respond", "confirm", output_tokens=120, finish_reason="stop"):
        run.record_quality_signal("schema_valid", "full_match", value=True)
    run.set_status("success" if trip.seats > 1 else "partial")


def approve(run: Run, trip: Trip) -> None:
    """Whether the reservation is let through: a rule decides, but for the last seat a person is asked."""
    if trip.seats == 1:
        run.record_decision("approval", "allow", "user_once", tool_name="seat_map", wait_ms=1_800)
    else:
        run.record_decision("approval", "allow", "policy_rule", tool_name="seat_map")


async def reserve(helper: AgentTracer, trip: Trip) -> None:
    """A second agent in the same trace: a run of its own, with this one as its parent."""
    async with helper.start_run() as run, run.step("retrieve", "seat_map") as step:
        step.set(retrieval_count=trip.seats)
        if trip.seats == 0:
            run.record_quality_signal("empty_retrieval", "no_results", value=True)
            message = "nothing left in the cabin that was asked for"
            raise LookupError(message)


async def book_all(provider: TracerProvider) -> None:
    """All trips, one run each; an exception that leaves a run ends it as failed and goes on."""
    tracer = AgentTracer("trip-desk", "0.9", environment="example", tracer_provider=provider)
    helper = AgentTracer("seat-helper", "0.4", environment="example", tracer_provider=provider)
    for trip in TRIPS:
        try:
            async with tracer.start_run() as run:
                await book(run, helper, trip)
        except LookupError:
            continue


def main(tracer_provider: TracerProvider | None = None) -> None:
    """Book the trips."""
    provider = tracer_provider or agenttrace.configure("trip-desk", "0.9")
    asyncio.run(book_all(provider))
    provider.force_flush()


if __name__ == "__main__":
    main()
