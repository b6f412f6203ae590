"""The closed lists as types. Made by `python -m deploy.generate`."""

# fmt: off
from __future__ import annotations

from typing import Literal, TypeAlias

from agenttrace_schemas.vocabulary import FailureType, ReasonCode, RunStatus, SignalCode, StepType

FailureName: TypeAlias = Literal[
    "tool", "model", "retrieval", "orchestration",
] | FailureType
StepName: TypeAlias = Literal[
    "plan", "retrieve", "tool", "respond", "other",
] | StepType
StatusName: TypeAlias = Literal[
    "success", "failure", "partial", "unknown",
] | RunStatus
FinishReason: TypeAlias = Literal[
    "stop", "stopped", "end", "ended", "end_turn", "end_of_turn", "end_of_sequence",
    "stop_sequence", "stop_sequences", "stop_token", "completed", "complete", "done", "finish",
    "finished", "success", "normal", "eos", "eos_token", "length", "max_length", "length_limit",
    "max_tokens", "max_token", "max_new_tokens", "max_output_tokens", "max_completion_tokens",
    "max_tokens_reached", "token_limit", "token_limit_reached", "error_limit", "model_length",
    "context_length", "context_length_exceeded", "context_window_exceeded",
    "model_context_window_exceeded", "tool", "tools", "tool_call", "tool_calls", "tool_calling",
    "tool_use", "function_call", "function_calls", "function_calling", "requires_action",
    "content_filter", "content_filtered", "content_policy", "content_policy_violation", "safety",
    "image_safety", "prohibited_content", "blocked", "blocklist", "spii", "refusal", "refused",
    "guardrail", "guardrail_intervened", "recitation", "error_toxic", "error", "errored", "failed",
    "failure", "malformed_function_call", "unexpected_tool_call", "other", "unknown", "abort",
    "aborted", "cancelled", "canceled", "interrupted", "incomplete", "pause_turn", "language",
    "unspecified", "none", "null",
]
OutputType: TypeAlias = Literal[
    "text", "plain", "plain_text", "text_plain", "str", "string", "json", "json_object",
    "json_schema", "application_json", "object", "structured", "structured_output", "image",
    "speech", "audio", "other", "unspecified", "none", "null",
]
ToolSelectionReason: TypeAlias = Literal[
    "fresh_data_required", "cached_data_sufficient", "tool_unavailable", "cost_optimization",
    "latency_optimization", "accuracy_required", ReasonCode.FRESH_DATA_REQUIRED,
    ReasonCode.CACHED_DATA_SUFFICIENT, ReasonCode.TOOL_UNAVAILABLE, ReasonCode.COST_OPTIMIZATION,
    ReasonCode.LATENCY_OPTIMIZATION, ReasonCode.ACCURACY_REQUIRED,
]
RetrievalStrategyReason: TypeAlias = Literal[
    "semantic_search_preferred", "keyword_match_sufficient", "hybrid_approach_needed",
    "filter_applied", "rerank_required", ReasonCode.SEMANTIC_SEARCH_PREFERRED,
    ReasonCode.KEYWORD_MATCH_SUFFICIENT, ReasonCode.HYBRID_APPROACH_NEEDED,
    ReasonCode.FILTER_APPLIED, ReasonCode.RERANK_REQUIRED,
]
ResponseModeReason: TypeAlias = Literal[
    "streaming_requested", "batch_preferred", "format_constraint", "length_constraint",
    ReasonCode.STREAMING_REQUESTED, ReasonCode.BATCH_PREFERRED, ReasonCode.FORMAT_CONSTRAINT,
    ReasonCode.LENGTH_CONSTRAINT,
]
RetryStrategyReason: TypeAlias = Literal[
    "transient_error_detected", "rate_limit_encountered", "no_retry_terminal_error",
    "retry_budget_exhausted", "backoff_required", ReasonCode.TRANSIENT_ERROR_DETECTED,
    ReasonCode.RATE_LIMIT_ENCOUNTERED, ReasonCode.NO_RETRY_TERMINAL_ERROR,
    ReasonCode.RETRY_BUDGET_EXHAUSTED, ReasonCode.BACKOFF_REQUIRED,
]
OrchestrationPathReason: TypeAlias = Literal[
    "sequential_required", "parallel_preferred", "conditional_branch", "early_exit",
    "fallback_path", ReasonCode.SEQUENTIAL_REQUIRED, ReasonCode.PARALLEL_PREFERRED,
    ReasonCode.CONDITIONAL_BRANCH, ReasonCode.EARLY_EXIT, ReasonCode.FALLBACK_PATH,
]
ApprovalReason: TypeAlias = Literal[
    "policy_rule", "mode", "hook", "user_once", "user_always", "user_reject", "user_abort",
    "automated_reviewer", "sandbox", "cannot_ask", "unstated", ReasonCode.POLICY_RULE,
    ReasonCode.MODE, ReasonCode.HOOK, ReasonCode.USER_ONCE, ReasonCode.USER_ALWAYS,
    ReasonCode.USER_REJECT, ReasonCode.USER_ABORT, ReasonCode.AUTOMATED_REVIEWER,
    ReasonCode.SANDBOX, ReasonCode.CANNOT_ASK, ReasonCode.UNSTATED,
]
ModelRoutingReason: TypeAlias = Literal[
    "router", "configured", "override", "fallback", ReasonCode.ROUTER, ReasonCode.CONFIGURED,
    ReasonCode.OVERRIDE, ReasonCode.FALLBACK,
]
GuardrailReason: TypeAlias = Literal[
    "passed", "tripped", "masked", "guardrail_error", ReasonCode.PASSED, ReasonCode.TRIPPED,
    ReasonCode.MASKED, ReasonCode.GUARDRAIL_ERROR,
]
SchemaValidCode: TypeAlias = Literal[
    "full_match", "partial_match", "validation_failed", "no_schema_defined", SignalCode.FULL_MATCH,
    SignalCode.PARTIAL_MATCH, SignalCode.VALIDATION_FAILED, SignalCode.NO_SCHEMA_DEFINED,
]
EmptyRetrievalCode: TypeAlias = Literal[
    "no_results", "filtered_out", "index_empty", SignalCode.NO_RESULTS, SignalCode.FILTERED_OUT,
    SignalCode.INDEX_EMPTY,
]
ToolSuccessCode: TypeAlias = Literal[
    "first_attempt", "after_retry", "fallback_used", SignalCode.FIRST_ATTEMPT,
    SignalCode.AFTER_RETRY, SignalCode.FALLBACK_USED,
]
ToolFailureCode: TypeAlias = Literal[
    "timeout", "invalid_input", "unavailable", "rate_limited", "authentication_failed",
    SignalCode.TIMEOUT, SignalCode.INVALID_INPUT, SignalCode.UNAVAILABLE, SignalCode.RATE_LIMITED,
    SignalCode.AUTHENTICATION_FAILED,
]
RetryOccurredCode: TypeAlias = Literal[
    "single_retry", "multiple_retries", "max_retries_reached", SignalCode.SINGLE_RETRY,
    SignalCode.MULTIPLE_RETRIES, SignalCode.MAX_RETRIES_REACHED,
]
LatencyThresholdCode: TypeAlias = Literal[
    "under_threshold", "exceeded_threshold", "significantly_exceeded", SignalCode.UNDER_THRESHOLD,
    SignalCode.EXCEEDED_THRESHOLD, SignalCode.SIGNIFICANTLY_EXCEEDED,
]
TokenUsageCode: TypeAlias = Literal[
    "low_usage", "moderate_usage", "high_usage", "limit_approached", SignalCode.LOW_USAGE,
    SignalCode.MODERATE_USAGE, SignalCode.HIGH_USAGE, SignalCode.LIMIT_APPROACHED,
]
ModelRefusalCode: TypeAlias = Literal[
    "content_filter", "policy", SignalCode.CONTENT_FILTER, SignalCode.POLICY,
]
LoopDetectedCode: TypeAlias = Literal[
    "repeated_tool_call", "repeated_text", "judged_by_model", SignalCode.REPEATED_TOOL_CALL,
    SignalCode.REPEATED_TEXT, SignalCode.JUDGED_BY_MODEL,
]
ContextCompactedCode: TypeAlias = Literal[
    "automatic", "manual", SignalCode.AUTOMATIC, SignalCode.MANUAL,
]
UserFeedbackCode: TypeAlias = Literal[
    "positive", "negative", "neutral", SignalCode.POSITIVE, SignalCode.NEGATIVE, SignalCode.NEUTRAL,
]
GuardrailTriggeredCode: TypeAlias = Literal[
    "input", "output", "tool", SignalCode.INPUT, SignalCode.OUTPUT, SignalCode.TOOL,
]
