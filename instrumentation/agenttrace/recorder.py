"""The typed events as methods, for a run, for a step, and for whatever is current."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from opentelemetry.context import Context

from agenttrace.attributes import Metadata
from agenttrace.codes import FailureName, StatusName
from agenttrace.decisions import DecisionBlock
from agenttrace.emit import emit_decision, emit_evaluation, emit_failure, emit_outcome, emit_signal
from agenttrace.guard import guarded
from agenttrace.numeric import Number
from agenttrace.signatures import DecisionCall, SignalCall


class _DecisionMethod(Protocol):
    """`record_decision` of a run, a step or the module."""

    def __get__(self, instance: object, owner: type | None = None, /) -> DecisionCall[str | None]: ...


class _DecisionBlockMethod(Protocol):
    """`decision` of the same."""

    def __get__(self, instance: object, owner: type | None = None, /) -> DecisionCall[DecisionBlock]: ...


class _SignalMethod(Protocol):
    """`record_quality_signal` of the same."""

    def __get__(self, instance: object, owner: type | None = None, /) -> SignalCall[str | None]: ...


def _decision(function: Callable[..., str | None]) -> _DecisionMethod:
    """The method, as type checkers are to see it: one signature for each type of the vocabulary."""
    return cast("_DecisionMethod", function)


def _decision_block(function: Callable[..., DecisionBlock]) -> _DecisionBlockMethod:
    return cast("_DecisionBlockMethod", function)


def _signal(function: Callable[..., str | None]) -> _SignalMethod:
    return cast("_SignalMethod", function)


class Recorder(ABC):
    """Something that decisions, quality signals and failures are recorded on."""

    @abstractmethod
    def _place(self) -> Context | None:
        """Where an event goes; None for the current context, and where everything is switched off."""

    @_decision
    @guarded
    def record_decision(  # noqa: PLR0917 - the order is the interface
        self,
        decision_type: str,
        selected: str,
        reason_code: str,
        candidates: Sequence[str] | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> str | None:
        """Record what the agent chose, of which type and for which stated reason; returns the decision's id.

        `decision_type` and `reason_code` are a pair of the vocabulary, as strings or enum members. `selected` and
        each of `candidates` are labels: one token of at most 200 and 100 characters, and at most 32 candidates.
        `confidence` is a number from 0 to 1. `step_id` names another step than the one that this is recorded on.
        `metadata` maps at most 32 keys to numbers, flags and labels. `tool_name` is the tool that an approval is about,
        `wait_ms` for how many milliseconds a person made its call wait. A decision that breaks a rule is refused as a
        whole, counted and told in the log, and None is returned; nothing is raised.
        """
        return emit_decision(
            self._place(),
            decision_type=decision_type,
            selected=selected,
            reason_code=reason_code,
            candidates=candidates,
            confidence=confidence,
            step_id=step_id,
            metadata=metadata,
            tool_name=tool_name,
            wait_ms=wait_ms,
        )

    @_decision_block
    def decision(self, *args: Any, **kwargs: Any) -> DecisionBlock:
        """Record a decision as `record_decision` does; the steps that start in its `with` block carry it out.

        These are the steps that start in the block directly, not those inside of them. `with … as decision` gives
        the decision's id as `decision.id`, None where it was refused; the block runs all the same.
        """
        return DecisionBlock(self.record_decision(*args, **kwargs), self._place)

    @_signal
    @guarded
    def record_quality_signal(  # noqa: PLR0917 - the order is the interface
        self,
        signal_type: str,
        signal_code: str,
        value: bool,  # noqa: FBT001 - the order is the interface
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> str | None:
        """Record whether something of this type and code was observed; returns the signal's id.

        `signal_type` and `signal_code` are a pair of the vocabulary, as strings or enum members. `value` is True
        where it was observed and False where it was looked for and not observed. `weight` is a number from 0 to 1.
        `step_id`, `metadata` and what happens on a refusal are as for `record_decision`.
        """
        return emit_signal(
            self._place(),
            signal_type=signal_type,
            signal_code=signal_code,
            value=value,
            weight=weight,
            step_id=step_id,
            metadata=metadata,
        )

    @guarded
    def record_failure(
        self,
        failure_type: FailureName,
        failure_code: str,
        message: str | None = None,
        step_id: str | None = None,
    ) -> str | None:
        """Record a failure; returns its id.

        `failure_type` is tool, model, retrieval or orchestration; `failure_code` is an identifier of your own, such
        as timeout. `message`, words of your own of at most 200 characters, leaves the process only with
        AGENTTRACE_FAILURE_MESSAGES=keep; else a fixed sentence made of type and code stands in its place. `step_id`
        and what happens on a refusal are as for `record_decision`.
        """
        return emit_failure(
            self._place(),
            failure_type=failure_type,
            failure_code=failure_code,
            message=message,
            step_id=step_id,
        )

    @guarded
    def record_evaluation(
        self,
        name: str,
        score: Number | None = None,
        label: str | None = None,
        *,
        error_type: str | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> str | None:
        """Record what an evaluator measured of this run or step; returns the evaluation's id.

        `name` and `label` are one token of at most 64 characters each; `score` is any finite number. One of `score`,
        `label` and `error_type`, why there is neither, is stated. Explanations have no place here. `step_id`, `metadata`
        and what happens on a refusal are as for `record_decision`.
        """
        return emit_evaluation(
            self._place(),
            name=name,
            score=score,
            label=label,
            error_type=error_type,
            step_id=step_id,
            metadata=metadata,
        )


class CurrentRecorder(Recorder):
    """Records on whatever span is current, for code inside a run or an instrumented framework."""

    def _place(self) -> None:
        return None

    @guarded
    def record_evaluation(
        self,
        name: str,
        score: Number | None = None,
        label: str | None = None,
        *,
        error_type: str | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        run_id: str | None = None,
    ) -> str | None:
        """Record what an evaluator measured of the current run or step, or of the run of an id; returns its own id.

        With `run_id` it is of that run, which may have ended long ago, in any process: it leaves as a log record, and
        `step_id` names a step of that run. Everything else is as for `Run.record_evaluation`.
        """
        return emit_evaluation(
            None,
            name=name,
            score=score,
            label=label,
            error_type=error_type,
            step_id=step_id,
            metadata=metadata,
            run_id=run_id,
        )

    @guarded
    def record_outcome(
        self,
        run_id: str,
        status: StatusName,
        failure_type: FailureName | None = None,
        failure_code: str | None = None,
    ) -> str | None:
        """Record how a run ended, where that is known only later: by a test, a person, another system; returns its id.

        `run_id` is that of a run that has ended, in any process. `status` is success, failure, partial or unknown. Of a
        failure, `failure_type` is tool, model, retrieval or orchestration, and `failure_code` an identifier of your
        own, such as timeout; both or neither are stated. The latest outcome counts for more than what the run said of
        itself. It leaves as a log record. What happens on a refusal is as for `record_decision`.
        """
        return emit_outcome(run_id, status=status, failure_type=failure_type, failure_code=failure_code)
