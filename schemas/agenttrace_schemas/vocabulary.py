"""The closed vocabulary of decisions, signals, steps, runs and failures (specification section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class DecisionType(StrEnum):
    """What kind of choice an agent stated."""

    TOOL_SELECTION = "tool_selection"
    RETRIEVAL_STRATEGY = "retrieval_strategy"
    RESPONSE_MODE = "response_mode"
    RETRY_STRATEGY = "retry_strategy"
    ORCHESTRATION_PATH = "orchestration_path"
    APPROVAL = "approval"


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


class SignalType(StrEnum):
    """What kind of quality signal was observed."""

    SCHEMA_VALID = "schema_valid"
    EMPTY_RETRIEVAL = "empty_retrieval"
    TOOL_SUCCESS = "tool_success"
    TOOL_FAILURE = "tool_failure"
    RETRY_OCCURRED = "retry_occurred"
    LATENCY_THRESHOLD = "latency_threshold"
    TOKEN_USAGE = "token_usage"  # noqa: S105 - a signal's name, not a secret


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
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The types and codes one site accepts; the mappings keep the order of the specification."""

    decisions: Mapping[str, tuple[str, ...]]
    signals: Mapping[str, tuple[str, ...]]

    def extended(
        self, decisions: Mapping[str, Iterable[str]], signals: Mapping[str, Iterable[str]]
    ) -> Vocabulary:
        """Returns this vocabulary with codes or types added; none is removed."""
        return Vocabulary(_merged(self.decisions, decisions), _merged(self.signals, signals))


def _merged(
    known: Mapping[str, tuple[str, ...]], added: Mapping[str, Iterable[str]]
) -> dict[str, tuple[str, ...]]:
    names = dict.fromkeys((*known, *added))
    return {name: tuple(dict.fromkeys((*known.get(name, ()), *added.get(name, ())))) for name in names}


def _plain(table: Mapping[str, tuple[StrEnum, ...]]) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(map(str, codes)) for name, codes in table.items()}


VOCABULARY = Vocabulary(_plain(REASONS), _plain(SIGNAL_CODES))


def validate_decision_type(decision_type: str, vocabulary: Vocabulary = VOCABULARY) -> bool:
    """True if the vocabulary contains this decision type."""
    return decision_type in vocabulary.decisions


def validate_reason_code(decision_type: str, reason_code: str, vocabulary: Vocabulary = VOCABULARY) -> bool:
    """True if this reason code belongs to this decision type."""
    return reason_code in vocabulary.decisions.get(decision_type, ())


def validate_signal_type(signal_type: str, vocabulary: Vocabulary = VOCABULARY) -> bool:
    """True if the vocabulary contains this signal type."""
    return signal_type in vocabulary.signals


def validate_signal_code(signal_type: str, signal_code: str, vocabulary: Vocabulary = VOCABULARY) -> bool:
    """True if this signal code belongs to this signal type."""
    return signal_code in vocabulary.signals.get(signal_type, ())


def get_valid_reason_codes(decision_type: str, vocabulary: Vocabulary = VOCABULARY) -> tuple[str, ...]:
    """Returns the reason codes of a decision type, empty for an unknown type."""
    return vocabulary.decisions.get(decision_type, ())


def get_valid_signal_codes(signal_type: str, vocabulary: Vocabulary = VOCABULARY) -> tuple[str, ...]:
    """Returns the signal codes of a signal type, empty for an unknown type."""
    return vocabulary.signals.get(signal_type, ())
