"""The pages of the vocabulary and of derivation, for people, made from the same tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from agenttrace_schemas import wire
from agenttrace_schemas.derivation import DERIVATIONS, Derivation
from agenttrace_schemas.rules import BLOCKED_KEYS, RULES, Verdict
from agenttrace_schemas.site_vocabulary import VOCABULARY, Vocabulary
from agenttrace_schemas.vocabulary import FailureType, RunStatus, StepType

_VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.REJECT: "the record is refused",
    Verdict.REDACT: "`_redacted` is stored",
    Verdict.REPLACE: "`other` is stored",
    Verdict.REWRITE: "this is stored instead",
    Verdict.EMPTY: "nothing is stored",
}

_INTRODUCTION: Final = """\
# Vocabulary

<!-- Made by `python -m deploy.generate`; a test holds it in step. -->

Everything that can be stated about a decision, a signal, a step, a run or a failure, and the rules that
each record keeps. Nothing else is stored: no prompt, no response, no argument, no result.
"""

_EXTENDING: Final = """\
## Adding codes of your own

A site can add codes to a type, or types; it cannot take any away. Write a JSON file:

```json
{
  "decisions": {
    "tool_selection": ["licence_required"],
    "escalation": ["human_requested", "limit_reached"]
  },
  "signals": {
    "tool_failure": ["quota_exhausted"]
  }
}
```

Both sections are optional; names are lower-case snake case of at most 64 characters. Name the file in
`AGENTTRACE_VOCABULARY` for the agents and in `processors.enforce.vocabulary` of the collector's
configuration, then run `agenttrace migrate`, so that the database accepts the new codes too. A collector
that disagrees with its database does not start.
"""

_EVENTS: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    wire.EVENT_DECISION: (
        (wire.DECISION_TYPE, "string", "required"),
        (wire.DECISION_SELECTED, "string", "required"),
        (wire.DECISION_REASON_CODE, "string", "required"),
        (wire.DECISION_CONFIDENCE, "double", ""),
        (wire.DECISION_CANDIDATES, "string[]", ""),
        (wire.DECISION_TOOL_NAME, "string", ""),
        (wire.DECISION_WAIT_MS, "int", ""),
        (wire.DECISION_ID, "string", ""),
    ),
    wire.EVENT_SIGNAL: (
        (wire.SIGNAL_TYPE, "string", "required"),
        (wire.SIGNAL_CODE, "string", "required"),
        (wire.SIGNAL_VALUE, "boolean", "required"),
        (wire.SIGNAL_WEIGHT, "double", ""),
        (wire.SIGNAL_ID, "string", ""),
    ),
    wire.EVENT_FAILURE: (
        (wire.FAILURE_TYPE, "string", "required"),
        (wire.FAILURE_CODE, "string", "required"),
        (wire.FAILURE_MESSAGE, "string", ""),
        (wire.FAILURE_ID, "string", ""),
    ),
    wire.EVENT_EVALUATION: (
        (wire.EVALUATION_NAME, "string", "required"),
        (wire.EVALUATION_SCORE, "double", "or a label"),
        (wire.EVALUATION_LABEL, "string", ""),
        (wire.ERROR_TYPE, "string", ""),
        (wire.EVALUATION_ID, "string", ""),
    ),
    wire.EVENT_EVALUATION_RESULT: (
        (wire.GEN_AI_EVALUATION_NAME, "string", "required"),
        (wire.GEN_AI_EVALUATION_SCORE, "double", "or a label"),
        (wire.GEN_AI_EVALUATION_LABEL, "string", ""),
        (wire.ERROR_TYPE, "string", ""),
    ),
    wire.EVENT_OUTCOME: (
        (wire.OUTCOME_STATUS, "string", "required"),
        (wire.OUTCOME_FAILURE_TYPE, "string", "of a failure"),
        (wire.OUTCOME_FAILURE_CODE, "string", "with the type"),
        (wire.OUTCOME_ID, "string", ""),
    ),
}


def vocabulary_page(vocabulary: Vocabulary = VOCABULARY) -> str:
    """The page as Markdown."""
    sections = (
        _INTRODUCTION,
        "## Decisions\n",
        _table(("decision type", "reason codes"), _codes(vocabulary.decisions)),
        "## Quality signals\n",
        _table(("signal type", "signal codes"), _codes(vocabulary.signals)),
        "## Steps, runs, failures\n",
        _table(("name", "values"), _enumerations()),
        _EXTENDING,
        "## On the wire\n",
        _WIRE,
        _table(("event", "attribute", "type", ""), _attributes()),
        "## Rules\n",
        _RULES,
        _table(("rule", "must be", "otherwise"), _rules()),
    )
    return "\n".join(sections)


_DERIVING: Final = """\
# Derived signals, decisions and failures

<!-- Made by `python -m deploy.generate`; a test holds it in step. -->

When a run has been quiet for `derive.quiet`, the collector settles it together with others (`derive.round_wait`)
and derives these rows from its steps, marked `source = derived` with their `rule`. Where the agent recorded
that type for that step, the derived row gives way. A reason that cannot be seen is not derived: there is no rule for `tool_selection`.

Thresholds stand in `derive.latency_ms` and `derive.tokens` of the configuration, those in use in the table
`derive_thresholds`. `agenttrace rederive --since 2026-01-31` derives again.
"""


def derivation_page() -> str:
    """The rules of derivation as Markdown."""
    rows = (
        (
            _code(each.rule),
            each.kind,
            _code(each.type) if each.type else "of the step",
            _derived_code(each),
            each.when,
        )
        for each in DERIVATIONS.values()
    )
    return f"{_DERIVING}\n{_table(('rule', 'makes a', 'type', 'code', 'when'), rows)}"


def _derived_code(rule: Derivation) -> str:
    return _code(rule.code) if rule.code else "by the error type"


_WIRE: Final = f"""\
An event is a span event, or a log record with that `EventName` and the span's ids; its attributes are the
same in both. `{wire.METADATA_PREFIX}<key>` (string, integer, double or boolean) and `{wire.STEP_ID}` may stand
on any of them. `agenttrace_schemas/wire.schema.json` says the same to a JSON Schema validator.
"""

_RULES: Final = f"""\
The SDK, the collector and the database hold the same rules. Each refused record is a row of
`agent_rejections` that names rule and attribute key, never a value. Keys that announce content, in any
spelling: {", ".join(sorted(BLOCKED_KEYS))}.
"""


def _codes(table: Mapping[str, tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    return ((_code(name), ", ".join(map(_code, codes))) for name, codes in table.items())


def _enumerations() -> Iterable[tuple[str, ...]]:
    named = {"step type": StepType, "run status": RunStatus, "failure type": FailureType}
    return ((name, ", ".join(map(_code, values))) for name, values in named.items())


def _attributes() -> Iterable[tuple[str, ...]]:
    for event, attributes in _EVENTS.items():
        for key, kind, required in attributes:
            yield _code(event), _code(key), kind, required


def _rules() -> Iterable[tuple[str, ...]]:
    return ((_code(rule.id), rule.allowed, _VERDICTS[rule.verdict]) for rule in RULES.values())


def _code(text: str) -> str:
    return f"`{text}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
