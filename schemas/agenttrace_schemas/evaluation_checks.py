"""The rules of evaluations as expressions of CHECKs."""

from __future__ import annotations

from agenttrace_schemas import evaluation, patterns
from agenttrace_schemas.column_types import Column, Guard
from agenttrace_schemas.expressions import SECRET, ViolatedRules, matches, text
from agenttrace_schemas.rules import Policy


def evaluation_name(name: str, _: Column, __: Policy) -> ViolatedRules:
    """What the name of an evaluation must be."""
    yield Guard.EVALUATION_NAME, text(name, evaluation.LENGTH)
    yield "label.pattern", matches(name, patterns.LABELS[evaluation.LABELS])
    yield "secret.pattern", f"NOT match({name}, {SECRET})"


def evaluation_label(name: str, _: Column, __: Policy) -> ViolatedRules:
    """What its label must be, where it has one."""
    yield Guard.EVALUATION_LABEL, f"{name} = '' OR ({text(name, evaluation.LENGTH)})"
    yield "label.pattern", f"{name} = '' OR {matches(name, patterns.LABELS[evaluation.LABELS])}"
    yield "secret.pattern", f"NOT match({name}, {SECRET})"


def score(name: str, _: Column, __: Policy) -> ViolatedRules:
    """What its number must be, where it has one."""
    yield Guard.SCORE, f"if(isNull({name}), label != '' OR error_type != '', isFinite(assumeNotNull({name})))"
