"""The closed vocabulary of decisions, signals, steps, runs and failures (specification section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class DecisionType(StrEnum):
    """What kind of choice an agent stated."""

    TOOL_SELECTION = "tool_selection"
    RETRIEVAL_STRATEGY = "retrieval_strategy"
    RESPONSE_MODE = "response_mode"
    RETRY_STRATEGY = "retry_strategy"
    ORCHESTRATION_PATH = "orchestration_path"
    APPROVAL = "approval"
    MODEL_ROUTING = "model_routing"
    GUARDRAIL = "guardrail"


class ReasonCode(StrEnum):
    """Why the agent says it chose so; each code belongs to one decision type (`REASONS`)."""

    FRESH_DATA_REQUIRED = "fresh_data_required"
    CACHED_DATA_SUFFICIENT = "cached_data_sufficient"
    TOOL_UNAVAILABLE = "tool_unavailable"
    COST_OPTIMIZATION = "cost_optimization"
    LATENCY_OPTIMIZATION = "latency_optimization"
    ACCURACY_REQUIRED = "accuracy_required"
    SEMANTIC_SEARCH_PREFERRED = "semantic_search_preferred"
    KEYWORD_MATCH_SUFFICIENT = "keyword_match_sufficient"
    HYBRID_APPROACH_NEEDED = "hybrid_approach_needed"
    FILTER_APPLIED = "filter_applied"
    RERANK_REQUIRED = "rerank_required"
    STREAMING_REQUESTED = "streaming_requested"
    BATCH_PREFERRED = "batch_preferred"
    FORMAT_CONSTRAINT = "format_constraint"
    LENGTH_CONSTRAINT = "length_constraint"
    TRANSIENT_ERROR_DETECTED = "transient_error_detected"
    RATE_LIMIT_ENCOUNTERED = "rate_limit_encountered"
    NO_RETRY_TERMINAL_ERROR = "no_retry_terminal_error"
    RETRY_BUDGET_EXHAUSTED = "retry_budget_exhausted"
    BACKOFF_REQUIRED = "backoff_required"
    SEQUENTIAL_REQUIRED = "sequential_required"
    PARALLEL_PREFERRED = "parallel_preferred"
    CONDITIONAL_BRANCH = "conditional_branch"
    EARLY_EXIT = "early_exit"
    FALLBACK_PATH = "fallback_path"
    POLICY_RULE = "policy_rule"
    MODE = "mode"
    HOOK = "hook"
    USER_ONCE = "user_once"
    USER_ALWAYS = "user_always"
    USER_REJECT = "user_reject"
    USER_ABORT = "user_abort"
    AUTOMATED_REVIEWER = "automated_reviewer"
    SANDBOX = "sandbox"
    CANNOT_ASK = "cannot_ask"
    UNSTATED = "unstated"
    ROUTER = "router"
    CONFIGURED = "configured"
    OVERRIDE = "override"
    FALLBACK = "fallback"
    PASSED = "passed"
    TRIPPED = "tripped"
    MASKED = "masked"
    GUARDRAIL_ERROR = "guardrail_error"


class SignalType(StrEnum):
    """What kind of quality signal was observed."""

    SCHEMA_VALID = "schema_valid"
    EMPTY_RETRIEVAL = "empty_retrieval"
    TOOL_SUCCESS = "tool_success"
    TOOL_FAILURE = "tool_failure"
    RETRY_OCCURRED = "retry_occurred"
    LATENCY_THRESHOLD = "latency_threshold"
    TOKEN_USAGE = "token_usage"  # noqa: S105 - a signal's name, not a secret
    MODEL_REFUSAL = "model_refusal"
    LOOP_DETECTED = "loop_detected"
    CONTEXT_COMPACTED = "context_compacted"
    USER_FEEDBACK = "user_feedback"
    GUARDRAIL_TRIGGERED = "guardrail_triggered"


class SignalCode(StrEnum):
    """What was observed; each code belongs to one signal type (`SIGNAL_CODES`)."""

    FULL_MATCH = "full_match"
    PARTIAL_MATCH = "partial_match"
    VALIDATION_FAILED = "validation_failed"
    NO_SCHEMA_DEFINED = "no_schema_defined"
    NO_RESULTS = "no_results"
    FILTERED_OUT = "filtered_out"
    INDEX_EMPTY = "index_empty"
    FIRST_ATTEMPT = "first_attempt"
    AFTER_RETRY = "after_retry"
    FALLBACK_USED = "fallback_used"
    TIMEOUT = "timeout"
    INVALID_INPUT = "invalid_input"
    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    AUTHENTICATION_FAILED = "authentication_failed"
    SINGLE_RETRY = "single_retry"
    MULTIPLE_RETRIES = "multiple_retries"
    MAX_RETRIES_REACHED = "max_retries_reached"
    UNDER_THRESHOLD = "under_threshold"
    EXCEEDED_THRESHOLD = "exceeded_threshold"
    SIGNIFICANTLY_EXCEEDED = "significantly_exceeded"
    LOW_USAGE = "low_usage"
    MODERATE_USAGE = "moderate_usage"
    HIGH_USAGE = "high_usage"
    LIMIT_APPROACHED = "limit_approached"
    CONTENT_FILTER = "content_filter"
    POLICY = "policy"
    REPEATED_TOOL_CALL = "repeated_tool_call"
    REPEATED_TEXT = "repeated_text"
    JUDGED_BY_MODEL = "judged_by_model"
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    INPUT = "input"
    OUTPUT = "output"
    TOOL = "tool"


class StepType(StrEnum):
    """What a step of a run did."""

    PLAN = "plan"
    RETRIEVE = "retrieve"
    TOOL = "tool"
    RESPOND = "respond"
    OTHER = "other"


class RunStatus(StrEnum):
    """How a run ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    PARTIAL = "partial"
    UNKNOWN = "unknown"


class FailureType(StrEnum):
    """Which part of the agent a failure was observed in."""

    TOOL = "tool"
    MODEL = "model"
    RETRIEVAL = "retrieval"
    ORCHESTRATION = "orchestration"


REASONS: Mapping[str, tuple[ReasonCode, ...]] = {
    DecisionType.TOOL_SELECTION: (
        ReasonCode.FRESH_DATA_REQUIRED,
        ReasonCode.CACHED_DATA_SUFFICIENT,
        ReasonCode.TOOL_UNAVAILABLE,
        ReasonCode.COST_OPTIMIZATION,
        ReasonCode.LATENCY_OPTIMIZATION,
        ReasonCode.ACCURACY_REQUIRED,
    ),
    DecisionType.RETRIEVAL_STRATEGY: (
        ReasonCode.SEMANTIC_SEARCH_PREFERRED,
        ReasonCode.KEYWORD_MATCH_SUFFICIENT,
        ReasonCode.HYBRID_APPROACH_NEEDED,
        ReasonCode.FILTER_APPLIED,
        ReasonCode.RERANK_REQUIRED,
    ),
    DecisionType.RESPONSE_MODE: (
        ReasonCode.STREAMING_REQUESTED,
        ReasonCode.BATCH_PREFERRED,
        ReasonCode.FORMAT_CONSTRAINT,
        ReasonCode.LENGTH_CONSTRAINT,
    ),
    DecisionType.RETRY_STRATEGY: (
        ReasonCode.TRANSIENT_ERROR_DETECTED,
        ReasonCode.RATE_LIMIT_ENCOUNTERED,
        ReasonCode.NO_RETRY_TERMINAL_ERROR,
        ReasonCode.RETRY_BUDGET_EXHAUSTED,
        ReasonCode.BACKOFF_REQUIRED,
    ),
    DecisionType.ORCHESTRATION_PATH: (
        ReasonCode.SEQUENTIAL_REQUIRED,
        ReasonCode.PARALLEL_PREFERRED,
        ReasonCode.CONDITIONAL_BRANCH,
        ReasonCode.EARLY_EXIT,
        ReasonCode.FALLBACK_PATH,
    ),
    DecisionType.APPROVAL: (
        ReasonCode.POLICY_RULE,
        ReasonCode.MODE,
        ReasonCode.HOOK,
        ReasonCode.USER_ONCE,
        ReasonCode.USER_ALWAYS,
        ReasonCode.USER_REJECT,
        ReasonCode.USER_ABORT,
        ReasonCode.AUTOMATED_REVIEWER,
        ReasonCode.SANDBOX,
        ReasonCode.CANNOT_ASK,
        ReasonCode.UNSTATED,
    ),
    DecisionType.MODEL_ROUTING: (
        ReasonCode.ROUTER,
        ReasonCode.CONFIGURED,
        ReasonCode.OVERRIDE,
        ReasonCode.FALLBACK,
    ),
    DecisionType.GUARDRAIL: (
        ReasonCode.PASSED,
        ReasonCode.TRIPPED,
        ReasonCode.MASKED,
        ReasonCode.GUARDRAIL_ERROR,
    ),
}

SIGNAL_CODES: Mapping[str, tuple[SignalCode, ...]] = {
    SignalType.SCHEMA_VALID: (
        SignalCode.FULL_MATCH,
        SignalCode.PARTIAL_MATCH,
        SignalCode.VALIDATION_FAILED,
        SignalCode.NO_SCHEMA_DEFINED,
    ),
    SignalType.EMPTY_RETRIEVAL: (SignalCode.NO_RESULTS, SignalCode.FILTERED_OUT, SignalCode.INDEX_EMPTY),
    SignalType.TOOL_SUCCESS: (SignalCode.FIRST_ATTEMPT, SignalCode.AFTER_RETRY, SignalCode.FALLBACK_USED),
    SignalType.TOOL_FAILURE: (
        SignalCode.TIMEOUT,
        SignalCode.INVALID_INPUT,
        SignalCode.UNAVAILABLE,
        SignalCode.RATE_LIMITED,
        SignalCode.AUTHENTICATION_FAILED,
    ),
    SignalType.RETRY_OCCURRED: (
        SignalCode.SINGLE_RETRY,
        SignalCode.MULTIPLE_RETRIES,
        SignalCode.MAX_RETRIES_REACHED,
    ),
    SignalType.LATENCY_THRESHOLD: (
        SignalCode.UNDER_THRESHOLD,
        SignalCode.EXCEEDED_THRESHOLD,
        SignalCode.SIGNIFICANTLY_EXCEEDED,
    ),
    SignalType.TOKEN_USAGE: (
        SignalCode.LOW_USAGE,
        SignalCode.MODERATE_USAGE,
        SignalCode.HIGH_USAGE,
        SignalCode.LIMIT_APPROACHED,
    ),
    SignalType.MODEL_REFUSAL: (SignalCode.CONTENT_FILTER, SignalCode.POLICY),
    SignalType.LOOP_DETECTED: (
        SignalCode.REPEATED_TOOL_CALL,
        SignalCode.REPEATED_TEXT,
        SignalCode.JUDGED_BY_MODEL,
    ),
    SignalType.CONTEXT_COMPACTED: (SignalCode.AUTOMATIC, SignalCode.MANUAL),
    SignalType.USER_FEEDBACK: (SignalCode.POSITIVE, SignalCode.NEGATIVE, SignalCode.NEUTRAL),
    SignalType.GUARDRAIL_TRIGGERED: (SignalCode.INPUT, SignalCode.OUTPUT, SignalCode.TOOL),
}
