"""JSON Schema of the three typed events, made from the vocabulary and the rules.

A document is `{"name": <event name>, "attributes": {<key>: <value>, …}}` and says one event as it
stands on the wire. The schema accepts what the rules accept under the same policy; attributes that
are not of the contract have no place in it (the collector never reads them).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain, combinations
from typing import Final, TypeAlias

from agenttrace_schemas import evaluation, patterns, rules, wire
from agenttrace_schemas.patterns import anchored
from agenttrace_schemas.rules import RULES, Policy
from agenttrace_schemas.vocabulary import FailureType, RunStatus

Schema: TypeAlias = dict[str, object]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_CONTROL: Final = "[\\x00-\\x1f\\x7f]"
_PREFIX: Final = wire.METADATA_PREFIX.replace(".", "\\.")
_TOKEN: Final[Schema] = {"$ref": "#/$defs/token"}
_LABEL: Final[Schema] = {"$ref": "#/$defs/label"}
_FRACTION: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_ID: Final[Schema] = {"description": "a string; anything else is the same as none"}


def wire_schema(policy: Policy | None = None) -> Schema:
    """The schema of the events that this policy accepts, the default one where none is given."""
    policy = policy or Policy()
    return {
        "$schema": _DIALECT,
        "title": "AgentTrace event",
        "type": "object",
        "required": ["name", "attributes"],
        "additionalProperties": False,
        "properties": {"name": {"type": "string"}, "attributes": {"type": "object"}},
        "oneOf": [_decision(policy), _signal(policy), _failure(), _evaluation(), _outcome()],
        "$defs": {
            "label": _label(policy.labels),
            "token": _label(evaluation.LABELS),
            "metadata": {"anyOf": [{"type": ["null", "boolean", "number"]}, _short(rules.METADATA_LENGTH)]},
            "name": _attribute_name(),
        },
    }


def wire_schema_text(policy: Policy | None = None) -> str:
    """The schema as the text that is committed and shipped."""
    return json.dumps(wire_schema(policy), indent=2, ensure_ascii=True) + "\n"


def _decision(policy: Policy) -> Schema:
    required = {
        wire.DECISION_TYPE: _described("decision.type"),
        wire.DECISION_SELECTED: _short(rules.SELECTED_LENGTH),
        wire.DECISION_REASON_CODE: _described("decision.reason_code"),
    }
    optional = {
        wire.DECISION_CONFIDENCE: _FRACTION,
        wire.DECISION_CANDIDATES: {
            "type": ["array", "null"],
            "maxItems": rules.CANDIDATES,
            "items": _short(rules.CANDIDATE_LENGTH),
        },
        wire.DECISION_TOOL_NAME: _described("identifier.pattern"),
        wire.DECISION_WAIT_MS: _described("count.range"),
        wire.DECISION_ID: _ID,
    }
    codes = _codes(wire.DECISION_TYPE, wire.DECISION_REASON_CODE, policy.vocabulary.decisions)
    return _event(wire.EVENT_DECISION, required, optional, codes)


def _signal(policy: Policy) -> Schema:
    required: dict[str, Schema] = {
        wire.SIGNAL_TYPE: _described("signal.type"),
        wire.SIGNAL_CODE: _described("signal.code"),
        wire.SIGNAL_VALUE: {"type": "boolean"},
    }
    optional: dict[str, Schema] = {wire.SIGNAL_WEIGHT: _FRACTION, wire.SIGNAL_ID: _ID}
    codes = _codes(wire.SIGNAL_TYPE, wire.SIGNAL_CODE, policy.vocabulary.signals)
    return _event(wire.EVENT_SIGNAL, required, optional, codes)


def _failure() -> Schema:
    required: dict[str, Schema] = {
        wire.FAILURE_TYPE: {"enum": list(FailureType)},
        wire.FAILURE_CODE: {"type": "string", "minLength": 1},
    }
    optional = {wire.FAILURE_MESSAGE: _described("failure.message"), wire.FAILURE_ID: _ID}
    return _event(wire.EVENT_FAILURE, required, optional, {})


def _evaluation() -> Schema:
    required: dict[str, Schema] = {wire.EVALUATION_NAME: {**_TOKEN, "maxLength": evaluation.LENGTH}}
    optional: dict[str, Schema] = {
        wire.EVALUATION_SCORE: {"type": ["number", "null"]},
        wire.EVALUATION_LABEL: {
            "anyOf": [{"enum": [None, ""]}, {**_TOKEN, "maxLength": evaluation.LENGTH}],
        },
        wire.ERROR_TYPE: _described("identifier.pattern"),
        wire.EVALUATION_ID: _ID,
    }
    something: Schema = {
        "anyOf": [
            {"required": [wire.EVALUATION_SCORE], "properties": {wire.EVALUATION_SCORE: {"type": "number"}}},
            *(
                {"required": [key], "properties": {key: {"not": {"enum": [None, "", False, 0, [], {}]}}}}
                for key in (wire.EVALUATION_LABEL, wire.ERROR_TYPE)
            ),
        ]
    }
    return _event(wire.EVENT_EVALUATION, required, optional, something)


def _outcome() -> Schema:
    required: dict[str, Schema] = {wire.OUTCOME_STATUS: {"enum": list(RunStatus)}}
    named: dict[str, Schema] = {
        wire.OUTCOME_FAILURE_TYPE: {"enum": list(FailureType)},
        wire.OUTCOME_FAILURE_CODE: {"type": "string", "minLength": 1},
    }
    nothing: Schema = {"enum": [None, ""]}
    shape: Schema = {
        "anyOf": [
            {"properties": dict.fromkeys(named, nothing)},
            {
                "required": list(named),
                "properties": {wire.OUTCOME_STATUS: {"const": RunStatus.FAILURE}, **named},
            },
        ]
    }
    return {
        "properties": {
            "name": {"const": wire.EVENT_OUTCOME},
            "attributes": {
                "required": list(required),
                "properties": {**required, **{key: {} for key in named}, wire.OUTCOME_ID: _ID},
                "additionalProperties": False,
                **shape,
            },
        }
    }


def _event(
    name: str, required: Mapping[str, Schema], optional: Mapping[str, Schema], codes: Schema
) -> Schema:
    optional = {**optional, wire.STEP_ID: _ID}
    return {
        "properties": {
            "name": {"const": name},
            "attributes": {
                "required": list(required),
                "properties": {**required, **optional},
                "patternProperties": {
                    anchored(_PREFIX + patterns.METADATA_KEY): {"$ref": "#/$defs/metadata"}
                },
                "additionalProperties": False,
                "propertyNames": {"$ref": "#/$defs/name"},
                "allOf": [codes, _metadata_count(len(required), list(optional))],
            },
        }
    }


def _codes(type_key: str, code_key: str, table: Mapping[str, tuple[str, ...]]) -> Schema:
    pairs = ((kind, codes) for kind, codes in table.items() if codes)
    return {
        "anyOf": [
            {"properties": {type_key: {"const": kind}, code_key: {"enum": list(codes)}}}
            for kind, codes in pairs
        ]
    }


def _metadata_count(required: int, optional: Sequence[str]) -> Schema:
    """At most 32 keys besides the attributes that are there: JSON Schema counts only all of them."""
    subsets = chain.from_iterable(combinations(optional, size) for size in range(len(optional) + 1))
    return {
        "anyOf": [
            {"required": list(there), "maxProperties": required + len(there) + rules.METADATA_KEYS}
            for there in subsets
        ]
    }


def _label(mode: str) -> Schema:
    """No secret, no control character: in some dialects `$` lets a last newline pass."""
    return {
        "type": "string",
        "description": RULES["label.pattern"].allowed,
        "pattern": anchored(patterns.LABELS[mode]),
        "not": {"pattern": f"{_CONTROL}|{patterns.SECRETS}"},
    }


def _attribute_name() -> Schema:
    refused = "|".join((_CONTROL, patterns.SECRETS, *map(_blocked, sorted(rules.BLOCKED_KEYS))))
    return {
        "description": RULES["metadata.blocked_key"].allowed,
        "maxLength": len(wire.METADATA_PREFIX) + rules.METADATA_KEY_LENGTH,
        "not": {"pattern": refused},
    }


def _blocked(word: str) -> str:
    """A metadata key of these letters in any case, whatever stands between them."""
    between = "[^A-Za-z]*"
    letters = between.join(f"[{letter.upper()}{letter}]" for letter in word)
    return f"^{_PREFIX}{between}{letters}{between}$"


def _short(length: int) -> Schema:
    return {**_LABEL, "maxLength": length}


def _described(rule: str) -> Schema:
    return {"description": RULES[rule].allowed}
