"""The derivation rules: which signals, decisions and failures settling derives from the steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from agenttrace_schemas.vocabulary import DecisionType, ReasonCode, SignalCode, SignalType

# Raised with every change of a rule: rows of a lower version are made anew by `agenttrace rederive`.
RULES_VERSION: Final = 3
# Rules of earlier versions: rows that they made are stored until `agenttrace rederive` takes them back.
RETIRED: Final = ("latency.under", "tokens.low")

DerivedKind: TypeAlias = Literal["signal", "decision", "failure"]


class Derivation(NamedTuple):
    """One rule: its id, the kind, type and code of the row that it makes, and when; `selected` is that of a decision."""

    rule: str
    kind: DerivedKind
    type: str
    code: str
    when: str
    selected: str = ""


def _signal(rule: str, kind: SignalType, code: SignalCode, when: str) -> Derivation:
    return Derivation(rule, "signal", kind, code, when)


def _decision(rule: str, kind: DecisionType, code: ReasonCode, when: str, *, selected: str) -> Derivation:
    return Derivation(rule, "decision", kind, code, when, selected)


_TABLE: Final = (
    _signal(
        "tool.first_attempt", SignalType.TOOL_SUCCESS, SignalCode.FIRST_ATTEMPT, "a tool step ended well"
    ),
    _signal(
        "tool.after_retry",
        SignalType.TOOL_SUCCESS,
        SignalCode.AFTER_RETRY,
        "a tool step ended well and the attempt of that tool before it had failed",
    ),
    _signal(
        "tool.fallback_used",
        SignalType.TOOL_SUCCESS,
        SignalCode.FALLBACK_USED,
        "a tool step ended well, another tool had failed just before it and was not tried again",
    ),
    _signal("tool.timeout", SignalType.TOOL_FAILURE, SignalCode.TIMEOUT, "a tool step failed by a timeout"),
    _signal(
        "tool.invalid_input",
        SignalType.TOOL_FAILURE,
        SignalCode.INVALID_INPUT,
        "a tool step failed by a validation error",
    ),
    _signal(
        "tool.unavailable",
        SignalType.TOOL_FAILURE,
        SignalCode.UNAVAILABLE,
        "a tool step failed by a connection or server error, or by one that no other row names",
    ),
    _signal(
        "tool.rate_limited",
        SignalType.TOOL_FAILURE,
        SignalCode.RATE_LIMITED,
        "a tool step failed by a rate limit",
    ),
    _signal(
        "tool.authentication_failed",
        SignalType.TOOL_FAILURE,
        SignalCode.AUTHENTICATION_FAILED,
        "a tool step failed by missing rights",
    ),
    _signal(
        "retrieve.no_results",
        SignalType.EMPTY_RETRIEVAL,
        SignalCode.NO_RESULTS,
        "a retrieval ended well with 0 documents",
    ),
    _signal("retry.single", SignalType.RETRY_OCCURRED, SignalCode.SINGLE_RETRY, "a second attempt"),
    _signal(
        "retry.multiple", SignalType.RETRY_OCCURRED, SignalCode.MULTIPLE_RETRIES, "a third or later attempt"
    ),
    _signal(
        "retry.max_reached",
        SignalType.RETRY_OCCURRED,
        SignalCode.MAX_RETRIES_REACHED,
        "the last of several attempts failed too",
    ),
    _signal(
        "latency.exceeded",
        SignalType.LATENCY_THRESHOLD,
        SignalCode.EXCEEDED_THRESHOLD,
        "a model, tool or retrieval step took latency_ms.exceeded or more",
    ),
    _signal(
        "latency.significantly_exceeded",
        SignalType.LATENCY_THRESHOLD,
        SignalCode.SIGNIFICANTLY_EXCEEDED,
        "it took latency_ms.significantly_exceeded or more",
    ),
    _signal(
        "tokens.moderate",
        SignalType.TOKEN_USAGE,
        SignalCode.MODERATE_USAGE,
        "a model call used tokens.moderate or more",
    ),
    _signal("tokens.high", SignalType.TOKEN_USAGE, SignalCode.HIGH_USAGE, "it used tokens.high or more"),
    _signal(
        "tokens.limit_approached",
        SignalType.TOKEN_USAGE,
        SignalCode.LIMIT_APPROACHED,
        "it used tokens.limit_approached or more",
    ),
    _decision(
        "retry.rate_limit",
        DecisionType.RETRY_STRATEGY,
        ReasonCode.RATE_LIMIT_ENCOUNTERED,
        "an attempt was repeated after a rate limit",
        selected="retry",
    ),
    _decision(
        "retry.transient",
        DecisionType.RETRY_STRATEGY,
        ReasonCode.TRANSIENT_ERROR_DETECTED,
        "an attempt was repeated after a timeout, a server or a connection error",
        selected="retry",
    ),
    _decision(
        "retry.exhausted",
        DecisionType.RETRY_STRATEGY,
        ReasonCode.RETRY_BUDGET_EXHAUSTED,
        "the last of several attempts failed too",
        selected="give_up",
    ),
    _decision(
        "response.streaming",
        DecisionType.RESPONSE_MODE,
        ReasonCode.STREAMING_REQUESTED,
        "a model call asked for a stream",
        selected="streaming",
    ),
    _decision(
        "response.format",
        DecisionType.RESPONSE_MODE,
        ReasonCode.FORMAT_CONSTRAINT,
        "a model call asked for JSON or a schema",
        selected="json",
    ),
    _decision(
        "response.length",
        DecisionType.RESPONSE_MODE,
        ReasonCode.LENGTH_CONSTRAINT,
        "a model call ended because of its length",
        selected="length",
    ),
    _decision(
        "retrieve.rerank",
        DecisionType.RETRIEVAL_STRATEGY,
        ReasonCode.RERANK_REQUIRED,
        "a reranker ran after a retrieval",
        selected="rerank",
    ),
    _decision(
        "path.parallel",
        DecisionType.ORCHESTRATION_PATH,
        ReasonCode.PARALLEL_PREFERRED,
        "sibling steps overlapped in time",
        selected="parallel",
    ),
    _decision(
        "path.fallback",
        DecisionType.ORCHESTRATION_PATH,
        ReasonCode.FALLBACK_PATH,
        "another model or tool ran after one that failed and was not tried again",
        selected="fallback",
    ),
    _decision(
        "approval.denied",
        DecisionType.APPROVAL,
        ReasonCode.UNSTATED,
        "a coding agent's call of a tool ended in an error type that says that it was not let through",
        selected="deny",
    ),
    _decision(
        "approval.allowed",
        DecisionType.APPROVAL,
        ReasonCode.UNSTATED,
        "a coding agent's call of a tool ran and nothing states who let it through",
        selected="allow",
    ),
    Derivation("failure.step", "failure", "", "", "a step failed and no later attempt of it ended well"),
    Derivation("failure.run", "failure", "orchestration", "", "the run ended in error"),
    Derivation(
        "failure.outcome",
        "failure",
        "",
        "",
        "the latest outcome that was recorded for the run names a failure",
    ),
)
DERIVATIONS: Final[Mapping[str, Derivation]] = {each.rule: each for each in _TABLE}
