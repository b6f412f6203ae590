"""Replays 200 published runs of a customer-service agent: their steps and outcomes, nothing more.

The data (`data/NOTICE`) hold no times, so each step is given one second and the runs are spread
evenly over the last fourteen days. They hold no reasons either: no decision is recorded, only signals that follow
from an outcome. Run it with `python -m agenttrace.examples.replay`.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Final, TypedDict

import agenttrace
from agenttrace import AgentTracer, Run, Step, runtime
from agenttrace.codes import StepName

AGENT: Final = "airline-support"
_DATA: Final = "tau_bench_airline_gpt4o.jsonl"
_SECOND: Final = 1_000_000_000
_STEP: Final = _SECOND
_PERIOD: Final = 14 * 86_400 * _SECOND


class ReplayedOutcome(TypedDict, total=False):
    """One step of the data: `tool`, `outcome` (ok, error, empty) and `attempt` for tool steps only."""

    type: StepName
    tool: str
    outcome: str
    attempt: int


class Trajectory(TypedDict):
    """One run of the data; `reward` is 1 where the task's goal state was reached."""

    task: int
    trial: int
    reward: float
    steps: list[ReplayedOutcome]


class EvenClock:
    """A clock that stands still but for `advance`."""

    def __init__(self, start: int) -> None:
        self.now = start

    def __call__(self) -> int:
        """Nanoseconds since 1970."""
        return self.now

    def advance(self, by: int) -> None:
        """Let this many nanoseconds pass."""
        self.now += by


def trajectories() -> Iterator[Trajectory]:
    """The runs of the data in their order."""
    text = files(__package__).joinpath("data", _DATA).read_text(encoding="utf-8")
    return (json.loads(line) for line in text.splitlines())


def replay(tracer: AgentTracer, trajectory: Trajectory, clock: EvenClock) -> None:
    """One run: every step as it was, the status from the reward."""
    with tracer.start_run() as run:
        run.add_metadata(task=trajectory["task"], trial=trajectory["trial"])
        for outcome in trajectory["steps"]:
            with run.step(outcome["type"], outcome.get("tool", "respond")) as step:
                clock.advance(_STEP)
                if outcome["type"] == "tool":
                    observe(run, step, outcome)
        run.set_status("success" if trajectory["reward"] == 1 else "failure")


def observe(run: Run, step: Step, outcome: ReplayedOutcome) -> None:
    """The signals that an outcome shows; an error's kind is not in the data and is not made up."""
    ok, attempt = outcome["outcome"] != "error", outcome["attempt"]
    step.set(attempt=attempt)
    if not ok:
        step.set_error("tool_error")
    if outcome["outcome"] == "empty":
        step.set(retrieval_count=0)
        run.record_quality_signal("empty_retrieval", "no_results", value=True)
    run.record_quality_signal("tool_success", "first_attempt" if attempt == 1 else "after_retry", value=ok)
    if attempt > 1:
        run.record_quality_signal(
            "retry_occurred", "single_retry" if attempt == 2 else "multiple_retries", value=True
        )


def main() -> None:
    """Replay all runs, the last of them ending about now."""
    runs = list(trajectories())
    between = (_PERIOD - sum(len(run["steps"]) * _STEP for run in runs)) // len(runs)
    clock = EvenClock(time.time_ns() - _PERIOD)
    provider = agenttrace.configure()
    runtime.activate(dataclasses.replace(runtime.active(), now=clock))
    tracer = AgentTracer(AGENT, "gpt-4o", environment="demo", tracer_provider=provider)
    for run in runs:
        clock.advance(between)
        replay(tracer, run, clock)
        # The SDK's queue drops its oldest spans when it is full; a replay is faster than any agent.
        provider.force_flush()
    provider.shutdown()


if __name__ == "__main__":
    main()
