"""What was observed of a scenario, in the shape of its expected facts, and where the two differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, TypeAlias

from tests.support.corpus import Scenario

# A provider answers with a dated name of the model that was asked for.
_DATE: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$")


Seen: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class SeenStep:
    """A call as the view `steps` has it."""

    type: str
    name: str
    failed: bool
    error_type: str
    tool_name: str
    documents: int | None


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run as the view `runs` has it, its calls in their order."""

    status: str
    steps: tuple[SeenStep, ...]
    input_tokens: int
    output_tokens: int
    retries: int
    models: frozenset[str]
    started_at: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One expected fact and what was observed instead or alike."""

    name: str
    expected: Any
    observed: Any

    @property
    def holds(self) -> bool:
        """Whether they are the same."""
        return bool(self.expected == self.observed)


def compare(scenario: Scenario, runs: Sequence[SeenRun]) -> Iterator[Fact]:
    """Fact by fact."""
    expected = scenario.expected
    steps = [step for run in runs for step in run.steps]
    if expected["agent_runs"] is not None:
        yield Fact("runs", expected["agent_runs"], len(runs))
        if runs:
            yield Fact("status", {expected["final_status"]}, {run.status for run in runs})
    yield from _steps(expected, runs)
    yield Fact(
        "tools", sorted(expected["tool_calls"]), sorted(step.tool_name for step in steps if step.tool_name)
    )
    failed = [step for step in steps if step.failed and step.tool_name]
    if expected["failed_tool"]:
        yield Fact("failed tool", {expected["failed_tool"]}, {step.tool_name for step in failed})
        named = str(expected["failed_tool_exception"]).partition(" ")[0]
        yield Fact("failed tool's exception", {named}, {step.error_type for step in failed})
    else:
        yield Fact("failed tool", set(), {step.tool_name for step in failed})
    yield from _totals(expected, runs)


def _steps(expected: Mapping[str, Any], runs: Sequence[SeenRun]) -> Iterator[Fact]:
    """The calls in their order; where branches ran side by side, in the order of their names."""
    wanted = [_wanted(step) for step in expected["steps"]]
    each = [[_seen(step) for step in run.steps] for run in runs]
    if expected.get("steps_are"):
        for number, seen in enumerate(each):
            yield from _pairs(f"run {number} ", wanted, seen)
        return
    seen = [step for run in each for step in run]
    if expected.get("order") or any(step.get("parallel") for step in expected["steps"]):
        wanted, seen = sorted(wanted), sorted(seen)
    yield from _pairs("", wanted, seen)


def _pairs(prefix: str, wanted: list[Seen], seen: list[Seen]) -> Iterator[Fact]:
    yield Fact(f"{prefix}steps", len(wanted), len(seen))
    for place, (step, other) in enumerate(_aligned(wanted, seen)):
        for what, one, two in zip(("type", "name", "error"), step, other, strict=True):
            yield Fact(f"{prefix}step {place} {what}", one, _alike(two, one))


def _aligned(wanted: list[Seen], seen: list[Seen]) -> Iterator[tuple[Seen, Seen]]:
    """Each expected step beside the observed one in its place; one that was not observed beside nothing."""
    if len(wanted) == len(seen):
        yield from zip(wanted, seen, strict=True)
        return
    blocks = SequenceMatcher(None, wanted, seen, autojunk=False).get_matching_blocks()
    found = {block.a + offset: block.b + offset for block in blocks for offset in range(block.size)}
    for place, step in enumerate(wanted):
        yield step, seen[found[place]] if place in found else ("", "", "")


def _alike(observed: str, expected: str) -> str:
    """The expected name where the observed one is one of several, or its dated form."""
    if observed in expected.split("|") or _DATE.sub("", observed) == expected:
        return expected
    return observed


def _wanted(step: Mapping[str, Any]) -> Seen:
    return step["type"], step["name"], step.get("error") or ""


def _seen(step: SeenStep) -> Seen:
    return step.type, _DATE.sub("", step.name), step.error_type if step.failed else ""


def _totals(expected: Mapping[str, Any], runs: Sequence[SeenRun]) -> Iterator[Fact]:
    if expected["llm_retries"] is not None:
        visible = expected["llm_retries"] if expected.get("retry_visible_in_spans", True) else 0
        yield Fact("model retries", visible, sum(run.retries for run in runs))
    counts = [step.documents for run in runs for step in run.steps if step.documents is not None]
    if expected["retrieved_documents"] is not None:
        yield Fact("documents", expected["retrieved_documents"], sum(counts) if counts else None)
    if expected.get("tokens"):
        yield Fact("input tokens", expected["tokens"]["input"], sum(run.input_tokens for run in runs))
        yield Fact("output tokens", expected["tokens"]["output"], sum(run.output_tokens for run in runs))
    if expected.get("models"):
        known = set(expected["models"]["request"])
        yield Fact("models", known, {_DATE.sub("", model) for run in runs for model in run.models})
