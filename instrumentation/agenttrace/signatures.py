"""Signatures of what records, by the vocabulary. Made by `python -m deploy.generate`."""

# ruff: noqa: FBT001, I001
# fmt: off
from __future__ import annotations

from typing import Literal, Protocol, TypeVar, overload

from agenttrace.attributes import LabelSequence, Metadata
from agenttrace.codes import (
    ApprovalReason, ContextCompactedCode, EmptyRetrievalCode, GuardrailReason,
    GuardrailTriggeredCode, LatencyThresholdCode, LoopDetectedCode, ModelRefusalCode,
    ModelRoutingReason, OrchestrationPathReason, ResponseModeReason, RetrievalStrategyReason,
    RetryOccurredCode, RetryStrategyReason, SchemaValidCode, TokenUsageCode, ToolFailureCode,
    ToolSelectionReason, ToolSuccessCode, UserFeedbackCode,
)
from agenttrace.numeric import Number
from agenttrace_schemas.vocabulary import DecisionType, SignalType

R_co = TypeVar("R_co", covariant=True)


class DecisionCall(Protocol[R_co]):
    """Records a decision: a type, and one of its own reasons."""

    @overload
    def __call__(
        self,
        decision_type: Literal["tool_selection", DecisionType.TOOL_SELECTION],
        selected: str,
        reason_code: ToolSelectionReason,
        candidates: LabelSequence | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        decision_type: Literal["retrieval_strategy", DecisionType.RETRIEVAL_STRATEGY],
        selected: str,
        reason_code: RetrievalStrategyReason,
        candidates: LabelSequence | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        decision_type: Literal["response_mode", DecisionType.RESPONSE_MODE],
        selected: str,
        reason_code: ResponseModeReason,
        candidates: LabelSequence | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        decision_type: Literal["retry_strategy", DecisionType.RETRY_STRATEGY],
        selected: str,
        reason_code: RetryStrategyReason,
        candidates: LabelSequence | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        decision_type: Literal["orchestration_path", DecisionType.ORCHESTRATION_PATH],
        selected: str,
        reason_code: OrchestrationPathReason,
        candidates: LabelSequence | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        decision_type: Literal["approval", DecisionType.APPROVAL],
        selected: str,
        reason_code: ApprovalReason,
        candidates: LabelSequence | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        decision_type: Literal["model_routing", DecisionType.MODEL_ROUTING],
        selected: str,
        reason_code: ModelRoutingReason,
        candidates: LabelSequence | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        decision_type: Literal["guardrail", DecisionType.GUARDRAIL],
        selected: str,
        reason_code: GuardrailReason,
        candidates: LabelSequence | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> R_co: ...


class SignalCall(Protocol[R_co]):
    """Records a quality signal: a type, and one of its own codes."""

    @overload
    def __call__(
        self,
        signal_type: Literal["schema_valid", SignalType.SCHEMA_VALID],
        signal_code: SchemaValidCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["empty_retrieval", SignalType.EMPTY_RETRIEVAL],
        signal_code: EmptyRetrievalCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["tool_success", SignalType.TOOL_SUCCESS],
        signal_code: ToolSuccessCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["tool_failure", SignalType.TOOL_FAILURE],
        signal_code: ToolFailureCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["retry_occurred", SignalType.RETRY_OCCURRED],
        signal_code: RetryOccurredCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["latency_threshold", SignalType.LATENCY_THRESHOLD],
        signal_code: LatencyThresholdCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["token_usage", SignalType.TOKEN_USAGE],
        signal_code: TokenUsageCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["model_refusal", SignalType.MODEL_REFUSAL],
        signal_code: ModelRefusalCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["loop_detected", SignalType.LOOP_DETECTED],
        signal_code: LoopDetectedCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["context_compacted", SignalType.CONTEXT_COMPACTED],
        signal_code: ContextCompactedCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["user_feedback", SignalType.USER_FEEDBACK],
        signal_code: UserFeedbackCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        signal_type: Literal["guardrail_triggered", SignalType.GUARDRAIL_TRIGGERED],
        signal_code: GuardrailTriggeredCode,
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...
