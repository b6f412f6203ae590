"""Counts the decisions, signals and failures of a settled run, so that answers about many runs read its facts alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from agenttrace_collector.settle.model import RunRows, SettleContext, Settled, Told
from agenttrace_schemas import wire
from agenttrace_schemas.derived_rows import RunFactsRow, UncountedRunRow
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.texts import identifier
from agenttrace_schemas.vocabulary import FailureType

_FAILURES: Final = frozenset(map(str, FailureType))
_HOUR: Final = 3_600 * 10**9
_DAY: Final = 24 * _HOUR
# Another round reads what was stored of a run within an hour of its facts, and answers look for rows of runs that may
# be gone from their facts within a day of the time up to which they may: what lies elsewhere is not counted.
AFTER_END: Final = _HOUR
AFTER_START: Final = _DAY


def with_counts(rows: RunRows, settled: Settled, this: SettleContext) -> Settled:
    """The facts with their counts if they can hold all there is of the run; else the run as uncounted."""
    facts, derived = settled.facts, list(_derived(settled))
    told = sorted(rows.recorded.told, key=_order)
    if facts and all(_counts(each, facts, this.policy) for each in (*told, *derived)):
        return replace(settled, facts=replace(facts, counted=1, **_columns(told, derived)))
    times: defaultdict[str, list[int]] = defaultdict(list)
    for each in (*told, *derived):
        times[each.agent_id].append(each.time)
    uncounted = (
        UncountedRunRow(
            run_id=rows.run_id,
            agent_id=agent,
            tenant=rows.tenant,
            earliest=min(found),
            latest=max(found),
            settled_at=this.settled_at,
        )
        for agent, found in times.items()
    )
    return replace(settled, uncounted=tuple(uncounted))


def _order(each: Told) -> tuple[Any, ...]:
    return each.time, *each[:-2], each.number or 0.0


def _derived(settled: Settled) -> Iterator[Told]:
    for decision in settled.decisions:
        kind, code = decision.decision_type, decision.reason_code
        yield Told("decision", kind, code, *_whose(decision), decision.recorded_at, decision.confidence)
    for signal in settled.signals:
        kind, code = signal.signal_type, signal.signal_code
        yield Told("signal", kind, code, *_whose(signal), signal.recorded_at, float(signal.value))
    for failure in settled.failures:
        kind, code = failure.failure_type, failure.failure_code
        yield Told("failure", kind, code, *_whose(failure), failure.occurred_at, None)


def _whose(row: Any) -> tuple[str, str, str]:
    return row.agent_id, row.agent_version, row.environment


def _counts(each: Told, facts: RunFactsRow, policy: Policy) -> bool:
    """Whether a record is the run's own, near it in time, and of a key that today's vocabulary has."""
    if each.agent_id not in (facts.agent_id, wire.UNKNOWN):
        return False
    if (each.agent_version, each.environment) != (facts.agent_version, facts.environment):
        return False
    if not facts.started_at <= each.time <= min(facts.ended_at + AFTER_END, facts.started_at + AFTER_START):
        return False
    if each.kind == "failure":
        return each.type in _FAILURES and identifier(each.code) == each.code
    vocabulary = policy.vocabulary
    known = vocabulary.decisions if each.kind == "decision" else vocabulary.signals
    return each.code in known.get(each.type, ())


def _columns(told: Iterable[Told], derived: Iterable[Told]) -> dict[str, Any]:
    """The columns of the facts, from records in the order of their times."""
    decisions: defaultdict[str, list[Any]] = defaultdict(lambda: [0, 0, 0, 0, 0, 0.0])
    signals: defaultdict[str, list[Any]] = defaultdict(lambda: [0, 0, 0, 0])
    failures: defaultdict[str, list[Any]] = defaultdict(lambda: [0, 0, 0])
    for place, records in enumerate((told, derived)):
        for each in records:
            key = f"{each.type}/{each.code}"
            if each.kind == "decision":
                found = decisions[key]
                first = found[2 + place]
                found[2 + place] = min(first, each.time) if first else each.time
                if each.number is not None:
                    found[4] += 1
                    found[5] += each.number
            elif each.kind == "signal":
                found = signals[key]
                found[2 + place] += bool(each.number)
            else:
                found = failures[key]
                found[2] = max(found[2], each.time)
            found[place] += 1
    names = ("recorded", "derived")
    return {
        **_arrays(
            "decision",
            (*names, "first_recorded", "first_derived", "confidences", "confidence_sums"),
            decisions,
        ),
        **_arrays("signal", (*names, "recorded_true", "derived_true"), signals),
        **_arrays("failure", (*names, "last"), failures),
    }


def _arrays(kind: str, names: tuple[str, ...], found: dict[str, list[Any]]) -> dict[str, tuple[Any, ...]]:
    keys = tuple(sorted(found))
    arrays = {f"{kind}_{name}": tuple(found[key][at] for key in keys) for at, name in enumerate(names)}
    return {f"{kind}_keys": keys, **arrays}
