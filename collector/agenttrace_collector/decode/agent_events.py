"""What a record of a coding agent states beside its call: an approval, another decision, a signal."""

from __future__ import annotations

from typing import Any

from agenttrace_collector.decode.agent_facts import AgentFacts, event_of, origin_of, shared_columns
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions import coding_agents
from agenttrace_collector.decode.conventions.agent_table import StatedCodes
from agenttrace_schemas import rules
from agenttrace_schemas.rows import DecisionRow, SignalRow
from agenttrace_schemas.rules import Violation
from agenttrace_schemas.spellings import plain
from agenttrace_schemas.vocabulary import DecisionType


def add_stated(told: AgentFacts, builder: BatchBuilder) -> None:
    """Add the decisions and the signal that a record states."""
    if builder.context.policy.decisions:
        if told.approval is not None and told.text("error_type") not in coding_agents.DENIED:
            _add_approval(told, told.approval, builder)
        if told.record.decision is not None:
            _add_decision(told, told.record.decision, builder)
    if told.record.signal is not None:
        _add_signal(told, told.record.signal, builder)


def _of_run(told: AgentFacts, builder: BatchBuilder) -> dict[str, Any]:
    """The columns of an event that is of no call."""
    return {**shared_columns(told, builder), "span_id": 0, "step_id": None}


def _code(told: AgentFacts, stated: StatedCodes) -> str | None:
    """The code for what a fact says; None where there is none."""
    word = plain(told.text(stated.fact).rpartition("/")[2])
    return stated.codes.get(word, stated.codes.get(""))


def _add_approval(told: AgentFacts, approval: tuple[str, str], builder: BatchBuilder) -> None:
    selected, reason = approval
    # A stated decision shows that there is such a tool, unless the record says otherwise itself.
    name = builder.identifier(told.text("tool_name"), told.record.facts["tool_name"])
    place = {**shared_columns(told, builder), "step_id": told.call, "tool_name": name}
    _keep_decision(told, (str(DecisionType.APPROVAL), selected, reason), place, builder)


def _add_decision(told: AgentFacts, stated: StatedCodes, builder: BatchBuilder) -> None:
    reason, key = _code(told, stated), told.record.facts[told.record.selected]
    selected = builder.identifier(told.text(told.record.selected), key)
    if reason is None or not selected:
        return
    try:
        _keep_decision(told, (stated.type, selected, reason), _of_run(told, builder), builder)
    except Violation as violation:
        # A name may be of several words, what a decision selects may not.
        builder.refused += 1
        builder.refuse("decision", Violation(violation.rule, key), origin_of(told, builder))


def _keep_decision(
    told: AgentFacts, said: tuple[str, str, str], place: dict[str, Any], builder: BatchBuilder
) -> None:
    """Keep a decision of this type, selection and reason; `place` are the columns that say whose it is."""
    kind, selected, reason = said
    decision = rules.check_decision(
        builder.context.policy, decision_type=kind, selected=selected, reason_code=reason
    )
    row = DecisionRow(
        **place,
        decision_id=event_of(told.call, kind),
        decision_type=decision.decision_type,
        selected=decision.selected,
        reason_code=decision.reason_code,
        confidence=None,
        metadata={},
        recorded_at=told.time,
        candidates=(),
    )
    builder.add(row)
    if builder.outgoing:
        builder.outgoing.agent_event(row)


def _add_signal(told: AgentFacts, stated: StatedCodes, builder: BatchBuilder) -> None:
    code = _code(told, stated)
    if code is None:
        return
    signal = rules.check_signal(builder.context.policy, signal_type=stated.type, signal_code=code, value=True)
    row = SignalRow(
        **_of_run(told, builder),
        signal_id=event_of(told.call, stated.type),
        signal_type=signal.signal_type,
        signal_code=signal.signal_code,
        value=signal.value,
        weight=None,
        metadata={},
        recorded_at=told.time,
    )
    builder.add(row)
    if builder.outgoing:
        builder.outgoing.agent_event(row)
