"""The rule table of the specification (section 4) and pure functions over it.

The SDK runs them before anything leaves the process, the collector on what arrived; the database
runs the same table as CHECKs (`checks.py`). A `Violation` names rule, key and what is allowed, never
the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, NamedTuple, TypeAlias

from agenttrace_schemas import wire
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.names import decided_tool, kept_name
from agenttrace_schemas.site_vocabulary import VOCABULARY, Vocabulary
from agenttrace_schemas.texts import REDACTED, is_printable, is_secret, label_fault
from agenttrace_schemas.vocabulary import FailureType, RunStatus

OTHER: Final = "other"
SELECTED_LENGTH: Final = 200
CANDIDATE_LENGTH: Final = 100
CANDIDATES: Final = 32
METADATA_KEYS: Final = 32
METADATA_KEY_LENGTH: Final = 64
METADATA_LENGTH: Final = 100
MESSAGE_LENGTH: Final = 200
ATTRIBUTE_KEY_LENGTH: Final = 128
BLOCKED_KEYS: Final = frozenset(
    "prompt response reasoning thought message content text output input chainofthought explanation"
    " rationale".split()
)

Scalar: TypeAlias = bool | int | float | str
Labels: TypeAlias = Literal["token", "words", "relaxed"]
FailureMessages: TypeAlias = Literal["template", "keep"]


class Verdict(StrEnum):
    """What happens to a record or value that breaks a rule."""

    REJECT = "reject"
    REDACT = "redact"
    REPLACE = "replace"
    REWRITE = "rewrite"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the rule table; `allowed` completes the sentence "must be …"."""

    id: str
    verdict: Verdict
    allowed: str


UNREAD: Final = "value.form"
_TABLE: Final = (
    Rule("decision.type", Verdict.REJECT, "a decision type of the vocabulary"),
    Rule("decision.reason_code", Verdict.REJECT, "a reason code of that decision type"),
    Rule("decision.confidence", Verdict.REJECT, "no value, or a number from 0.0 to 1.0"),
    Rule("decision.selected", Verdict.REJECT, "1 to 200 characters without control characters"),
    Rule("decision.candidates", Verdict.REJECT, "at most 32 strings of 1 to 100 characters"),
    Rule("signal.type", Verdict.REJECT, "a signal type of the vocabulary"),
    Rule("signal.code", Verdict.REJECT, "a code of that signal type"),
    Rule("signal.value", Verdict.REJECT, "a boolean"),
    Rule("signal.weight", Verdict.REJECT, "no value, or a number from 0.0 to 1.0"),
    Rule("failure.type", Verdict.REJECT, f"one of {', '.join(FailureType)}"),
    Rule("failure.code", Verdict.REJECT, "a string that names the failure"),
    Rule("evaluation.name", Verdict.REJECT, "one token of 1 to 64 characters that names what is evaluated"),
    Rule("evaluation.score", Verdict.REJECT, "a finite number, or none beside a label or an error type"),
    Rule("evaluation.label", Verdict.REJECT, "no value, or one token of at most 64 characters"),
    Rule("outcome.status", Verdict.REJECT, f"one of {', '.join(RunStatus)}"),
    Rule(
        "outcome.failure",
        Verdict.REJECT,
        f"no value, or one of {', '.join(FailureType)} with a code, and the status failure",
    ),
    Rule("metadata.blocked_key", Verdict.REJECT, "a key that does not announce content"),
    Rule("metadata.key", Verdict.REJECT, "an identifier of at most 64 characters"),
    Rule("metadata.count", Verdict.REJECT, "at most 32 keys"),
    Rule("metadata.type", Verdict.REJECT, "a string, 64-bit integer, finite number, boolean or nothing"),
    Rule("metadata.length", Verdict.REJECT, "a string of at most 100 characters"),
    Rule("label.pattern", Verdict.REJECT, "a label: ASCII letters, digits and . _ : / @ + # - ( ) ="),
    Rule("secret.pattern", Verdict.REJECT, "a text unlike an e-mail address, key, token or card number"),
    Rule("event.no_run", Verdict.REJECT, "a trace id or agenttrace.run.id"),
    Rule("event.disabled", Verdict.REJECT, "absent: decisions and signals are switched off here"),
    Rule("event.duplicate_key", Verdict.REJECT, "an attribute key that occurs once"),
    Rule("document.field", Verdict.REJECT, "a field of the form that a run document has"),
    Rule("span.id", Verdict.REJECT, "a 16-byte trace id and an 8-byte span id, neither all zero"),
    Rule(
        "time.range", Verdict.REJECT, "a time within the table's TTL, five years at most, and one day ahead"
    ),
    Rule("storage.refused", Verdict.REJECT, "a row that the database accepts"),
    Rule("identifier.pattern", Verdict.REDACT, "an identifier of at most 128 characters, five words"),
    Rule("tool.confirmed", Verdict.REDACT, "the name of a tool that a record shows to exist"),
    Rule("count.range", Verdict.EMPTY, "a whole number from 0 to 2^48"),
    Rule(UNREAD, Verdict.EMPTY, "a value of the form that OTLP/JSON gives its field"),
    Rule("evaluation.explanation", Verdict.EMPTY, "absent: what an evaluator says in words is not kept"),
    Rule("closed.set", Verdict.REPLACE, "a value of the closed list"),
    Rule("conversation.hash", Verdict.REWRITE, "an HMAC of the conversation id"),
    Rule("failure.message", Verdict.REWRITE, "the sentence made of type and code"),
)
RULES: Final[Mapping[str, Rule]] = {rule.id: rule for rule in _TABLE}


class Violation(ValueError):
    """A record that a rule refuses: the rule's id, the attribute key, and what the value must be; never the value."""

    def __init__(self, rule: str, key: str, allowed: str | None = None) -> None:
        self.rule = rule
        self.key = key
        self.allowed = allowed or RULES[rule].allowed
        super().__init__(f"{key}: must be {self.allowed} (rule {rule})")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site accepts; without `site_key`, the key of HMACs, conversation ids are dropped."""

    vocabulary: Vocabulary = VOCABULARY
    labels: Labels = "token"
    failure_messages: FailureMessages = "template"
    decisions: bool = True
    tools: frozenset[str] = frozenset()
    site_key: bytes = field(default=b"", repr=False)


class Decision(NamedTuple):
    """The enforced fields of a decision."""

    decision_type: str
    selected: str
    reason_code: str
    confidence: float | None
    candidates: tuple[str, ...]
    tool_name: str = ""
    wait_ms: int | None = None


class Signal(NamedTuple):
    """The enforced fields of a quality signal."""

    signal_type: str
    signal_code: str
    value: bool
    weight: float | None


class Failure(NamedTuple):
    """The enforced fields of a failure."""

    failure_type: str
    failure_code: str
    message: str


def check_decision(
    policy: Policy,
    *,
    decision_type: object,
    selected: object,
    reason_code: object,
    confidence: object = None,
    candidates: object = None,
    tool_name: object = None,
    wait_ms: object = None,
) -> Decision:
    """Returns the decision rebuilt from enforced fields; raises `Violation` at the first broken rule."""
    kind, reasons = _member(policy.vocabulary.decisions, decision_type, "decision.type", wire.DECISION_TYPE)
    if not isinstance(reason_code, str) or reason_code not in reasons:
        raise Violation("decision.reason_code", wire.DECISION_REASON_CODE, f"one of {', '.join(reasons)}")
    return Decision(
        kind,
        _label(policy, selected, SELECTED_LENGTH, rule="decision.selected", key=wire.DECISION_SELECTED),
        str(reason_code),
        check_fraction(confidence, "decision.confidence", wire.DECISION_CONFIDENCE),
        _candidates(policy, candidates),
        decided_tool(policy.site_key, tool_name, kind, policy.tools),
        count_of(wait_ms),
    )


def check_signal(
    policy: Policy, *, signal_type: object, signal_code: object, value: object, weight: object = None
) -> Signal:
    """Returns the signal rebuilt from enforced fields; raises `Violation` at the first broken rule."""
    kind, codes = _member(policy.vocabulary.signals, signal_type, "signal.type", wire.SIGNAL_TYPE)
    if not isinstance(signal_code, str) or signal_code not in codes:
        raise Violation("signal.code", wire.SIGNAL_CODE, f"one of {', '.join(codes)}")
    if not isinstance(value, bool):
        raise Violation("signal.value", wire.SIGNAL_VALUE)
    return Signal(kind, str(signal_code), value, check_fraction(weight, "signal.weight", wire.SIGNAL_WEIGHT))


def check_failure(
    policy: Policy, *, failure_type: object, failure_code: object, message: object = None
) -> Failure:
    """The failure rebuilt from enforced fields, its message a sentence made of type and code."""
    if not isinstance(failure_type, str) or failure_type not in _FAILURE_TYPES:
        raise Violation("failure.type", wire.FAILURE_TYPE)
    if not isinstance(failure_code, str) or not failure_code:
        raise Violation("failure.code", wire.FAILURE_CODE)
    code = kept_name(policy.site_key, failure_code) or REDACTED
    return Failure(str(failure_type), code, failure_message(policy, failure_type, code, message))


def check_fraction(value: object, rule: str, key: str) -> float | None:
    """Returns None, or a number from 0.0 to 1.0; raises `Violation` for anything else."""
    if value is None or (type(value) is float and 0.0 <= value <= 1.0):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise Violation(rule, key)
    return float(value)


def closed(value: str, allowed: Iterable[str]) -> str:
    """Returns the value if the closed list contains it, else `other`; empty stays empty."""
    return value if not value or value in allowed else OTHER


def failure_message(policy: Policy, failure_type: str, failure_code: str, message: object = None) -> str:
    """The sentence stored for a failure: made of type and code unless the policy keeps the author's."""
    if policy.failure_messages == "keep" and isinstance(message, str) and _is_message(message):
        return message
    return f"{failure_type} failure: {failure_code}"


def _is_message(message: str) -> bool:
    return 0 < len(message) <= MESSAGE_LENGTH and is_printable(message) and not is_secret(message)


_FAILURE_TYPES: Final = frozenset(map(str, FailureType))


def _member(
    table: Mapping[str, tuple[str, ...]], name: object, rule: str, key: str
) -> tuple[str, tuple[str, ...]]:
    codes = table.get(name) if isinstance(name, str) else None
    if codes is None:
        raise Violation(rule, key, f"one of {', '.join(table)}")
    return str(name), codes


def _label(policy: Policy, value: object, maximum: int, *, rule: str, key: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= maximum:
        raise Violation(rule, key)
    if fault := label_fault(value, policy.labels):
        raise Violation(fault if is_printable(value) else rule, key)
    return value


def _candidates(policy: Policy, candidates: object) -> tuple[str, ...]:
    if candidates is None:
        return ()
    rule, key = "decision.candidates", wire.DECISION_CANDIDATES
    # A tuple or list is known at once, any other sequence by the slower question.
    known = (tuple, list, Sequence)
    if isinstance(candidates, str) or not isinstance(candidates, known) or len(candidates) > CANDIDATES:
        raise Violation(rule, key)
    return tuple([_label(policy, each, CANDIDATE_LENGTH, rule=rule, key=key) for each in candidates])
