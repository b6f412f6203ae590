"""The one table of cases of the rules: each runs against Python, JSON Schema and the database's CHECKs.

`shape.py` says what a case is and how a row is made of one. Rules about the carrier (`NOT_OF_EVENTS`)
have no case here: no event breaks them by what it says.
"""

from __future__ import annotations

import math
from typing import Final

from agenttrace_schemas import wire
from agenttrace_schemas.rows import FailureRow, RunRow, StepRow
from agenttrace_schemas.rules import BLOCKED_KEYS, Policy
from agenttrace_schemas.texts import REDACTED
from tests.contract.evaluation_cases import EVALUATION_CASES
from tests.contract.outcome_cases import OUTCOME_CASES
from tests.contract.shape import (
    KEEP,
    KEYED,
    NOT_IN_DATABASE,
    NOT_IN_JSON,
    PYTHON_ONLY,
    RELAXED,
    REQUIRED,
    TOKEN,
    VALID,
    WORDS,
    Case,
    ColumnCase,
    Outcome,
    cases,
    event_of,
    metadata_cases,
    rewritten,
)
from tests.contract.value_cases import COUNT_CASES, NAME_CASES

NOT_OF_EVENTS: Final = frozenset(
    "event.no_run event.disabled event.duplicate_key document.field span.id time.range "
    "storage.refused value.form tool.confirmed evaluation.explanation".split()
)

_FRACTIONS: Final = (None, 0, 1, 0.0, -0.0, 0.5, 1.0)
_NO_FRACTIONS: Final = (-0.1, 1.1, 2, -5e-324)
_NOT_NUMBERS: Final = ("0.5", "high", True, [0.5])
_NOT_FINITE: Final = (math.nan, math.inf, -math.inf)
_NO_TEXTS: Final = (None, 1, True, ["a"])
_SENTENCE: Final = "because the user asked me to"
_UNPRINTABLE: Final = ("", "a\x00b", "a\nb", "a\n", "\t", "a\x7f")
_SECRETS: Final = (
    "jane.doe@example.com",
    "sk-" + "a1" * 10,
    "key=sk_" + "live" * 5,
    "AKIA" + "A1" * 8,
    "ghp_" + "a" * 30,
    "github_pat_" + "a" * 30,
    "glpat-" + "a" * 20,
    "xoxb-" + "1" * 12,
    "AIza" + "a" * 35,
    "hf_" + "a" * 34,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig",
    "4111111111111111",
    "card:5500-0000-0000-0004",
)
_NO_SECRETS: Final = (
    "search_flights",
    "tools/search@v2",
    "pkg@1.2.3",
    "task-0123456789abcdef0",
    "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "1790000000000000000",
    "2026-01-31T12:00:00Z",
)

_DECISIONS: Final = [
    *cases(
        "decision.type",
        wire.DECISION_TYPE,
        ("tool_selection",),
        ("tool_choice", "", "Tool_Selection", "tool_selection\n"),
    ),
    *cases("decision.type", wire.DECISION_TYPE, (), _NO_TEXTS, layers=NOT_IN_DATABASE),
    *cases(
        "decision.reason_code",
        wire.DECISION_REASON_CODE,
        ("tool_unavailable", "latency_optimization"),
        ("filter_applied", "because", "", "Fresh_Data_Required", "fresh_data_required\n"),
    ),
    *cases("decision.reason_code", wire.DECISION_REASON_CODE, (), _NO_TEXTS, layers=NOT_IN_DATABASE),
    *cases("decision.confidence", wire.DECISION_CONFIDENCE, _FRACTIONS, _NO_FRACTIONS),
    *cases("decision.confidence", wire.DECISION_CONFIDENCE, (), _NOT_NUMBERS, layers=NOT_IN_DATABASE),
    *cases("decision.confidence", wire.DECISION_CONFIDENCE, (), _NOT_FINITE, layers=NOT_IN_JSON),
    *cases("decision.selected", wire.DECISION_SELECTED, ("a", "a" * 200), (*_UNPRINTABLE, "a" * 201)),
    *cases("decision.selected", wire.DECISION_SELECTED, ("é" * 200,), ("é" * 201,), RELAXED),
    *cases("decision.selected", wire.DECISION_SELECTED, (), (*_NO_TEXTS, "\ud800"), layers=NOT_IN_DATABASE),
    *cases(
        "decision.candidates",
        wire.DECISION_CANDIDATES,
        ([], ["a"], ["a", "a"], ["a"] * 32, ["a" * 100]),
        (["a"] * 33, ["a" * 101], *([text] for text in _UNPRINTABLE)),
    ),
    *cases("decision.candidates", wire.DECISION_CANDIDATES, (["é" * 100],), (["é" * 101],), RELAXED),
    *cases(
        "decision.candidates",
        wire.DECISION_CANDIDATES,
        (None,),
        ("a", 1, [1], [None], [["a"]]),
        layers=NOT_IN_DATABASE,
    ),
]

_SIGNALS: Final = [
    *cases(
        "signal.type", wire.SIGNAL_TYPE, ("tool_success",), ("tool_ok", "", "TOOL_SUCCESS", "tool_success ")
    ),
    *cases("signal.type", wire.SIGNAL_TYPE, (), _NO_TEXTS, layers=NOT_IN_DATABASE),
    *cases(
        "signal.code", wire.SIGNAL_CODE, ("after_retry", "fallback_used"), ("timeout", "", "first attempt")
    ),
    *cases("signal.code", wire.SIGNAL_CODE, (), _NO_TEXTS, layers=NOT_IN_DATABASE),
    *cases("signal.value", wire.SIGNAL_VALUE, (True, False), ()),
    *cases("signal.value", wire.SIGNAL_VALUE, (), (None, "true", 1, 0.0), layers=NOT_IN_DATABASE),
    *cases("signal.weight", wire.SIGNAL_WEIGHT, _FRACTIONS, _NO_FRACTIONS),
    *cases("signal.weight", wire.SIGNAL_WEIGHT, (), _NOT_NUMBERS, layers=NOT_IN_DATABASE),
    *cases("signal.weight", wire.SIGNAL_WEIGHT, (), _NOT_FINITE, layers=NOT_IN_JSON),
]

_FAILURES: Final = [
    *cases(
        "failure.type",
        wire.FAILURE_TYPE,
        ("tool", "model", "retrieval", "orchestration"),
        ("network", "", "Tool", "tool\n"),
    ),
    *cases("failure.type", wire.FAILURE_TYPE, (), _NO_TEXTS, layers=NOT_IN_DATABASE),
    *cases("failure.code", wire.FAILURE_CODE, ("timeout", "ValueError", "http.429"), ()),
    *cases("failure.code", wire.FAILURE_CODE, (), ("", *_NO_TEXTS), layers=NOT_IN_DATABASE),
]

_METADATA: Final = [
    *metadata_cases(
        "metadata.blocked_key",
        Outcome.REFUSED,
        *({key: "x"} for key in sorted(BLOCKED_KEYS)),
        {"chainOfThought": "x"},
        {"chain-of-thought": "x"},
        {"_PROMPT_1": 1},
        {"in.put": True},
    ),
    *metadata_cases(
        "metadata.blocked_key", Outcome.ACCEPTED, {"prompt_tokens": 12}, {"output_format": "json"}
    ),
    *metadata_cases("metadata.key", Outcome.ACCEPTED, {"_x": 1}, {"a.b-c_9": 1}, {"k" * 64: 1}),
    *metadata_cases(
        "metadata.key",
        Outcome.REFUSED,
        *({key: 1} for key in ("", "1st", "a b", "naïve", "a\n", "k" * 65, "AKIA" + "A" * 16)),
    ),
    *metadata_cases("metadata.count", Outcome.ACCEPTED, {f"k{number}": number for number in range(32)}),
    *metadata_cases("metadata.count", Outcome.REFUSED, {f"k{number}": number for number in range(33)}),
    *metadata_cases(
        "metadata.type",
        Outcome.ACCEPTED,
        *({"k": value} for value in (True, 0, -(2**63), 2**63 - 1, 1.5, -1e300, "x")),
    ),
    *metadata_cases("metadata.type", Outcome.ACCEPTED, {"k": None}, layers=NOT_IN_DATABASE),
    *metadata_cases(
        "metadata.type",
        Outcome.REFUSED,
        *({"k": value} for value in (["a"], {"a": 1})),
        layers=NOT_IN_DATABASE,
    ),
    *metadata_cases(
        "metadata.type", Outcome.REFUSED, *({"k": value} for value in _NOT_FINITE), layers=NOT_IN_JSON
    ),
    *metadata_cases("metadata.type", Outcome.REFUSED, {"k": b"a"}, {"k": 2**63}, layers=PYTHON_ONLY),
    *metadata_cases("metadata.length", Outcome.ACCEPTED, {"k": "a" * 100}),
    *metadata_cases("metadata.length", Outcome.REFUSED, {"k": "a" * 101}),
    *metadata_cases("metadata.length", Outcome.ACCEPTED, {"k": "é" * 100}, policy=RELAXED),
    *metadata_cases("metadata.length", Outcome.REFUSED, {"k": "é" * 101}, policy=RELAXED),
    *metadata_cases("label.pattern", Outcome.REFUSED, *({"k": text} for text in (_SENTENCE, *_UNPRINTABLE))),
    *metadata_cases("secret.pattern", Outcome.REFUSED, *({"k": text} for text in _SECRETS)),
]

_LABEL_MODES: Final[tuple[tuple[Policy, tuple[object, ...], tuple[object, ...]], ...]] = (
    (TOKEN, ("gpt-4o", "a._:/@+#-()=Z9"), (_SENTENCE, "a b", "é", "a,b", "a;b", "(a)?")),
    (WORDS, ("one", "one two three four five"), ("1 2 3 4 5 6", " a", "a ", "a  b", "é", "a, b")),
    (RELAXED, (_SENTENCE, "é", "日本語", "a, b?"), ()),
)

_LABELS: Final = [
    case
    for policy, accepted, refused in _LABEL_MODES
    for case in (
        *cases("label.pattern", wire.DECISION_SELECTED, accepted, refused, policy),
        *cases(
            "label.pattern",
            wire.DECISION_CANDIDATES,
            tuple([text] for text in accepted),
            tuple(["a", text] for text in refused),
            policy,
        ),
    )
]

_SECRET: Final = [
    case
    for policy in (TOKEN, RELAXED)
    for case in cases("secret.pattern", wire.DECISION_SELECTED, _NO_SECRETS, _SECRETS, policy)
] + cases("secret.pattern", wire.DECISION_CANDIDATES, (list(_NO_SECRETS),), tuple([s] for s in _SECRETS))


_TEMPLATE: Final = "tool failure: timeout"
_REWRITTEN: Final = [
    *(
        rewritten("identifier.pattern", wire.FAILURE_CODE, code, REDACTED)
        for code in ("what did Jane say?", "1 2 3 4 5 6", "a" * 129, "é", "a\nb", "-x", *_SECRETS)
    ),
    *(
        rewritten("failure.message", wire.FAILURE_MESSAGE, message, _TEMPLATE)
        for message in ("the order of Jane was not found", "", _SENTENCE)
    ),
    *(
        rewritten("failure.message", wire.FAILURE_MESSAGE, message, _TEMPLATE, KEEP)
        for message in ("", "a" * 201, "a\nb", *_SECRETS)
    ),
]
_KEPT: Final = cases(
    "failure.message", wire.FAILURE_MESSAGE, ("the order was not found", "é" * 200), (), KEEP
) + cases("failure.message", wire.FAILURE_MESSAGE, (_TEMPLATE,), ())

_MISSING: Final = [
    Case(
        rule=rule,
        outcome=Outcome.REFUSED,
        event=event_of(key),
        attributes={name: value for name, value in VALID[event_of(key)].items() if name != key},
        layers=NOT_IN_DATABASE,
    )
    for key, rule in REQUIRED.items()
]

CASES: Final[tuple[Case, ...]] = (
    *_DECISIONS,
    *_SIGNALS,
    *_FAILURES,
    *EVALUATION_CASES,
    *OUTCOME_CASES,
    *_METADATA,
    *_LABELS,
    *_SECRET,
    *_REWRITTEN,
    *_KEPT,
    *_MISSING,
)

COLUMN_CASES: Final[tuple[ColumnCase, ...]] = (
    *(
        ColumnCase("identifier.pattern", StepRow, column, value, stored)
        for column in ("tool_name", "model", "name", "actor", "error_type", "agent_id", "environment")
        for value, stored in (
            ("gpt-4o-mini", "gpt-4o-mini"),
            ("search flights v2", "search flights v2"),
            ("a" * 128, "a" * 128),
            ("a" * 129, REDACTED),
            ("what is the weather in Paris?", REDACTED),
            ("jane.doe@example.com", REDACTED),
        )
    ),
    *(
        ColumnCase("closed.set", StepRow, column, value, stored)
        for column, value, stored in (
            ("finish_reason", "stop", "stop"),
            ("finish_reason", "because I was done", "other"),
            ("output_type", "json", "json"),
            ("output_type", "Jane", "other"),
            ("step_type", "plan", "plan"),
            ("step_type", "Plan", "other"),
            ("status", "error", "error"),
            ("status", "fine", "other"),
            ("operation", "execute_tool", "execute_tool"),
            ("operation", "do", "other"),
        )
    ),
    *NAME_CASES,
    *COUNT_CASES,
    ColumnCase("closed.set", RunRow, "status", "failure", "failure"),
    ColumnCase("closed.set", RunRow, "status", "failed", "other"),
    ColumnCase("closed.set", FailureRow, "source", "me", "other"),
    ColumnCase("conversation.hash", RunRow, "conversation_id", "chat with Jane", "", TOKEN),
    ColumnCase("conversation.hash", StepRow, "conversation_id", "", "", KEYED),
)
