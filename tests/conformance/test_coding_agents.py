"""The captured requests of coding agents, decoded and settled: what comes out is what happened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from agenttrace_collector.settle.model import DENIAL, Recorded, RunRows, SettleContext, Settled, Thresholds
from agenttrace_collector.settle.run import settle_run
from agenttrace_schemas.rows import DecisionRow, RunRow, SpanLinkRow, StepRow
from tests.support.agents import CONTEXT, AgentScenario, agent_scenarios, bare
from tests.support.rows import rows_of

CANARY: Final = b"CANARY"
NEVER_DERIVED: Final = ("path.parallel", "path.fallback")
# Statuses that the records cannot tell apart, with the reason.
CANNOT_TELL: Final = {
    "04-qwen-code/refusal": "its api_response has no finish reason and nothing else says that it refused",
}
# Sets in which each prompt is a trace, told by logs and spans.
ONE_TRACE_EACH: Final = frozenset({"01t-claude-code-traces"})
# How long their users took to answer, by `duration_ms` of the spans.
WAITS: Final = [342, 441, 496, 540, 620]
NO_TOOLS: Final = "_unknown_tool"
# The least share of what happened that is seen; the test prints each that is not.
LEAST_KNOWN: Final = 0.7
LEAST: Final = {"runs": 0.97, "tools": 0.95, "approvals": 0.91, "models": 0.97, "tokens": 0.95}
KINDS: Final = tuple(LEAST)
MODEL_CALLS: Final = ("chat", "generate_content", "text_completion")
DEVIATIONS: Final = Path(__file__).with_name("agent_deviations.json")


def settled(scenario: AgentScenario, *signals: str) -> Iterator[tuple[Settled, list[DecisionRow]]]:
    """The runs of a scenario, each with what was recorded in it."""
    batches = list(scenario.batches(signals or ("logs", "traces")))
    steps = {row.step_id: row for batch in batches for row in rows_of(batch, StepRow)}
    runs = [row for batch in batches for row in rows_of(batch, RunRow)]
    links = [row for batch in batches for row in rows_of(batch, SpanLinkRow)]
    decisions = {row.decision_id: row for batch in batches for row in rows_of(batch, DecisionRow)}
    for run_id in {row.run_id for row in runs} | {row.run_id for row in steps.values()}:
        recorded = [row for row in decisions.values() if row.run_id == run_id]
        rows = RunRows(
            CONTEXT.tenant,
            run_id,
            [row for row in steps.values() if row.run_id == run_id],
            links=[row for row in links if row.run_id == run_id],
            candidates=[row for row in runs if row.run_id == run_id],
            recorded=Recorded(
                decisions=frozenset(
                    (row.step_id, DENIAL if row.selected == "deny" else row.decision_type) for row in recorded
                )
            ),
        )
        made = settle_run(rows, SettleContext(CONTEXT.policy, Thresholds(), CONTEXT.received_at))
        if made.facts:
            yield made, recorded


def seen(scenario: AgentScenario) -> Mapping[str, Counter[str]]:
    """The same facts as `AgentScenario.happened`, as they came out."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for run, recorded in settled(scenario):
        assert run.facts
        calls = [step for step in run.steps if step.role == "leaf"]
        models = [step for step in calls if step.operation in MODEL_CALLS]
        found["runs"]["runs"] += run.facts.parent_run_id is None
        found["tools"] += Counter(
            bare(step.tool_name) for step in calls if step.step_type == "tool" and step.tool_name != NO_TOOLS
        )
        found["approvals"] += Counter(
            f"{bare(row.tool_name)} {row.selected}"
            for row in (*recorded, *run.decisions)
            if row.decision_type == "approval"
        )
        found["models"]["ok"] += sum(step.status != "error" for step in models)
        for name in ("input", "output"):
            found["tokens"][name] += sum(getattr(step, f"{name}_tokens") or 0 for step in models)
    return found


def named_alike(observed: Counter[str], happened: Counter[str]) -> Counter[str]:
    """Observed facts under the name of the facts where these name several that one may be: `replace/edit`."""
    names: dict[str, str] = {}
    for several in (name for name in happened if "/" in name):
        tools, _, outcome = several.partition(" ")
        names |= {f"{tool} {outcome}".strip(): several for tool in tools.split("/")}
    made: Counter[str] = Counter()
    for name, count in observed.items():
        made[names.get(name, name)] += count
    return made


def compared(scenario: AgentScenario) -> Iterator[tuple[str, Counter[str], Counter[str]]]:
    """Of each kind what happened and what was observed of it."""
    observed = seen(scenario)
    for kind, happened in scenario.happened().items():
        found = named_alike(observed[kind], happened)
        if kind == "approvals":
            found -= (found - happened) & scenario.unlisted()
        yield kind, happened, +found


@cache
def listed() -> dict[tuple[str, str], str]:
    """The deviations that are known, with their reasons."""
    return {(each["scenario"], each["kind"]): each["reason"] for each in json.loads(DEVIATIONS.read_text())}


@pytest.mark.parametrize("scenario", agent_scenarios(), ids=str)
def test_what_comes_out_is_what_happened(scenario: AgentScenario) -> None:
    """Runs, calls, approvals, model calls and tokens, but for what is listed; none is listed in vain."""
    missed = {kind: (happened, found) for kind, happened, found in compared(scenario) if happened != found}
    assert missed.keys() == {kind for name, kind in listed() if name == str(scenario)}, missed


def test_nearly_all_is_seen() -> None:
    """The shares over all sets, with the deviations counted as missed."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for scenario in agent_scenarios():
        for kind, happened, found in compared(scenario):
            total[kind] += happened.total()
            right[kind] += max(0, (happened & found).total() - (found - happened).total())
    shares = {kind: right[kind] / total[kind] for kind in total}
    print({kind: f"{share:.1%}" for kind, share in shares.items()})
    assert all(share >= LEAST[kind] for kind, share in shares.items()), shares
    assert all(listed().values())


def test_no_status_is_wrong() -> None:
    """A run ends as it ended, or nobody knows how; most are known."""
    known = asked = 0
    wrong = []
    for scenario in agent_scenarios():
        expected = scenario.succeeded()
        for run, _ in settled(scenario):
            assert run.facts
            if run.facts.parent_run_id:
                continue
            asked += 1
            known += run.facts.status != "unknown"
            claimed = {"success": True, "failure": False}.get(run.facts.status)
            if claimed is not None and claimed is not expected and scenario.expected["runs"] == 1:
                wrong.append(str(scenario))
    print(f"{known} of {asked} statuses are known, {len(wrong)} wrong", *wrong, sep="\n")
    assert wrong == list(CANNOT_TELL)
    assert known >= LEAST_KNOWN * asked


@pytest.mark.parametrize(
    "scenario", [each for each in agent_scenarios() if each.set in ONE_TRACE_EACH], ids=str
)
def test_every_signal_tells_the_same_run(scenario: AgentScenario) -> None:
    """Logs alone, spans alone and both give the same id; a command's spans alone do not say that it is one."""
    runs = {
        signals: {run.facts.run_id for run, _ in settled(scenario, *signals) if run.facts}
        for signals in (("logs",), ("traces",), ("logs", "traces"))
    }
    assert runs["logs",] == runs["logs", "traces"]
    assert len(runs["traces",] - runs["logs",]) == (scenario.expected.get("commands") or 0)


@pytest.mark.parametrize("scenario", agent_scenarios(), ids=str)
def test_nothing_is_derived_that_did_not_happen(scenario: AgentScenario) -> None:
    """No step is said to run beside another or in place of one; a retry needs a model call that failed."""
    for run, _ in settled(scenario):
        assert not {row.rule for row in run.decisions} & set(NEVER_DERIVED)
        if not scenario.expected["retries"]:
            assert not [row for row in run.decisions if row.rule.startswith("retry.")]


def test_spans_tell_how_long_a_person_made_a_call_wait() -> None:
    """The approval that a record states is named by the span of its wait; one that is derived has the wait itself."""
    stated: list[tuple[str, int]] = []
    derived: list[int] = []
    for scenario in (each for each in agent_scenarios() if each.set == "01i-claude-code-interactive"):
        for run, recorded in settled(scenario):
            reasons = {row.decision_id: row.reason_code for row in recorded}
            waits = [step for step in run.steps if step.decision_id in reasons and step.role == "wrapper"]
            stated += [
                (reasons[step.decision_id], round(step.latency_ms)) for step in waits if step.decision_id
            ]
            assert len(waits) == sum(reason.startswith("user_") for reason in reasons.values())
        for run, _ in settled(scenario, "traces"):
            derived += [row.wait_ms for row in run.decisions if row.wait_ms is not None]
    assert sorted(wait for _, wait in stated) == sorted(derived) == WAITS
    assert {reason for reason, _ in stated} == {"user_once", "user_always", "user_reject"}


@pytest.mark.parametrize("scenario", agent_scenarios(), ids=str)
def test_nothing_that_was_said_is_kept(scenario: AgentScenario) -> None:
    """No canary is in a row, names that a model made up included."""
    for batch in scenario.batches():
        for rows in batch.blocks.values():
            assert CANARY not in rows.data
            assert b"frobnicate" not in rows.data.lower()
