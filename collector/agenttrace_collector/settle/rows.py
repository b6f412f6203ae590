"""The rows that settling a run makes: steps as settled, signals, decisions and failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.settle.enforce import sound_metadata
from agenttrace_collector.settle.failure_codes import failure_code
from agenttrace_collector.settle.model import AGENT, MODEL, RERANK, RETRIEVAL, STATED, TOOL, Node, RunRows
from agenttrace_schemas.derivation import RULES_VERSION, Derivation
from agenttrace_schemas.derived_rows import (
    DerivedDecisionRow,
    DerivedFailureRow,
    DerivedSignalRow,
    RunFactsRow,
    SettledStepRow,
)
from agenttrace_schemas.rows import StepRow
from agenttrace_schemas.rules import Policy, failure_message
from agenttrace_schemas.vocabulary import DecisionType, FailureType, RunStatus

_COLUMNS: Final = tuple(field.name for field in fields(StepRow))
_step_values: Final = attrgetter(*_COLUMNS)
FAILURE_TYPES: Final = {
    MODEL: FailureType.MODEL,
    TOOL: FailureType.TOOL,
    RETRIEVAL: FailureType.RETRIEVAL,
    RERANK: FailureType.RETRIEVAL,
}
RUN_FAILED: Final = "failure.run"
TOLD_LATER: Final = "failure.outcome"
STEP_FAILED: Final = "failure.step"
_TAKEN_OVER: Final = frozenset(_COLUMNS)


class RowBuilder:
    """Makes the rows of one run; ids come from what they say, so that another round makes the same."""

    def __init__(self, rows: RunRows, facts: RunFactsRow, policy: Policy) -> None:
        self._recorded = rows.recorded
        self._outcome = rows.outcome
        self._facts = facts
        self._policy = policy
        self._shared: dict[str, Any] = {
            "run_id": rows.run_id,
            "tenant": rows.tenant,
            "agent_id": facts.agent_id,
            "agent_version": facts.agent_version,
            "environment": facts.environment,
        }
        self._settled: dict[str, Any] = {
            "rules_version": RULES_VERSION,
            "settled_at": facts.settled_at,
            "created_at": facts.settled_at,
        }

    def step(self, node: Node) -> SettledStepRow:
        """The step as its run shows it; a wrapper of a call keeps its place with the role of one."""
        values: dict[str, Any] = dict(zip(_COLUMNS, _step_values(node.step), strict=True))
        values.update(self._shared)
        values.update((name, value) for name, value in node.facts.items() if name in _TAKEN_OVER)
        values["actor"] = _actor(node)
        values["metadata"] = sound_metadata(self._policy, node.step.metadata)
        if node.leaf:
            values.update(seq=node.seq, step_type=node.step_type, attempt=node.attempt, role="leaf")
        elif node.kind != AGENT:
            values["role"] = "wrapper"
        return SettledStepRow(**values, rules_version=RULES_VERSION, settled_at=self._facts.settled_at)

    def signals(self, found: Iterable[tuple[Node, Derivation]]) -> Iterator[DerivedSignalRow]:
        """Yields the derived signals, except types that the agent recorded for that step."""
        if not self._policy.decisions:
            return
        for node, rule in found:
            if rule.kind == "signal" and (node.step.step_id, rule.type) not in self._recorded.signals:
                yield DerivedSignalRow(
                    **self._shared,
                    **self._settled,
                    signal_id=self._id(node.step.step_id, rule.rule),
                    step_id=node.step.step_id,
                    signal_type=rule.type,
                    signal_code=rule.code,
                    value=True,
                    weight=None,
                    metadata={},
                    recorded_at=node.step.ended_at,
                    actor=_actor(node),
                    trace_id=node.step.trace_id,
                    span_id=node.step.span_id,
                    rule=rule.rule,
                )

    def decisions(self, found: Iterable[tuple[Node, Derivation]]) -> Iterator[DerivedDecisionRow]:
        """Yields the derived decisions, except types that the agent recorded for that step."""
        if not self._policy.decisions:
            return
        for node, rule in found:
            if rule.kind == "decision" and (node.step.step_id, rule.type) not in self._recorded.decisions:
                yield DerivedDecisionRow(
                    **self._shared,
                    **self._settled,
                    decision_id=self._id(node.step.step_id, rule.rule),
                    step_id=node.step.step_id,
                    decision_type=rule.type,
                    selected=rule.selected,
                    reason_code=rule.code,
                    confidence=None,
                    metadata={},
                    recorded_at=node.step.started_at,
                    actor=_actor(node),
                    candidates=(),
                    trace_id=node.step.trace_id,
                    span_id=node.step.span_id,
                    tool_name=str(node.fact("tool_name")) if rule.type == DecisionType.APPROVAL else "",
                    wait_ms=node.waited_ms if rule.type == DecisionType.APPROVAL else None,
                    rule=rule.rule,
                )

    def failures(self, steps: Sequence[Node]) -> Iterator[DerivedFailureRow]:
        """Yields the failure that the run's outcome names, and those of calls and of the run, unless the agent recorded its own."""
        told = self._outcome if self._outcome and self._outcome.failure_type else None
        if told:
            kind, time = FailureType(told.failure_type), self._facts.ended_at
            yield self._failure(TOLD_LATER, None, kind, code=told.failure_code, time=time)
        if self._facts.source in STATED:
            return
        for node in steps:
            if node.failed and not node.mended and node.step.step_id not in self._recorded.failures:
                yield self._failure(
                    STEP_FAILED,
                    node.step.step_id,
                    FAILURE_TYPES.get(node.kind, FailureType.ORCHESTRATION),
                    code=failure_code(str(node.fact("error_type"))),
                    time=node.step.ended_at,
                )
        if self._facts.status == RunStatus.FAILURE and not self._recorded.failures and not told:
            code = failure_code(self._facts.error_type)
            time = self._facts.ended_at
            yield self._failure(RUN_FAILED, None, FailureType.ORCHESTRATION, code=code, time=time)

    def _failure(
        self, rule: str, step_id: bytes | None, kind: FailureType, *, code: str, time: int
    ) -> DerivedFailureRow:
        return DerivedFailureRow(
            **self._shared,
            **self._settled,
            failure_id=self._id(step_id or b"", rule),
            step_id=step_id,
            failure_type=str(kind),
            failure_code=code,
            message=failure_message(self._policy, str(kind), code),
            occurred_at=time,
            metadata={},
            source=self._facts.source,
            rule=rule,
        )

    def _id(self, step_id: bytes, rule: str) -> bytes:
        tenant = str(self._shared["tenant"]).encode()
        return identity.uuid5(b"\x1f".join((tenant, self._facts.run_id, step_id, rule.encode())))


def _actor(node: Node) -> str:
    """The agent that a step names, else the one it stands in."""
    return str(node.fact("actor")) or node.caller
