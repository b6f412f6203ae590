"""The cases of the rules against the JSON Schema of the wire contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agenttrace_schemas import wire
from agenttrace_schemas.rules import BLOCKED_KEYS, Labels, Policy, Violation
from agenttrace_schemas.site_vocabulary import VOCABULARY
from deploy.generate.wire_schema import wire_schema
from tests.contract.cases import CASES
from tests.contract.shape import RELAXED, TOKEN, VALID, WORDS, Case, Layer, Outcome
from tests.contract.test_cases_python import enforce
from tests.contract.vocabulary_cases import DECISION_PAIRS, SIGNAL_PAIRS


@cache
def validator(labels: Labels) -> Draft202012Validator:
    """The validator of a policy's events."""
    schema = wire_schema(Policy(labels=labels))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def accepts(policy: Policy, event: str, attributes: Mapping[str, object]) -> bool:
    """Whether the event can be said in JSON and the schema accepts it."""
    try:
        text = json.dumps({"name": event, "attributes": attributes}, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        return False
    return validator(policy.labels).is_valid(json.loads(text))


@pytest.mark.parametrize(
    "case", [case for case in CASES if Layer.JSON_SCHEMA in case.layers], ids=lambda case: case.rule
)
def test_the_schema_decides_as_the_table_says(case: Case) -> None:
    """Rewritten values are for the sender to send and for the collector to rewrite."""
    assert accepts(case.policy, case.event, case.attributes) is (case.outcome is not Outcome.REFUSED)


@pytest.mark.parametrize("pairs", [DECISION_PAIRS, SIGNAL_PAIRS], ids=["decisions", "signals"])
def test_exactly_the_vocabulary_is_accepted(pairs: tuple[Case, ...]) -> None:
    """Of every type with every code, those that the specification lists."""
    seen = [accepts(case.policy, case.event, case.attributes) for case in pairs]
    assert seen == [case.outcome is Outcome.ACCEPTED for case in pairs]


def test_an_extension_is_accepted_too() -> None:
    """The schema follows the vocabulary of the site."""
    policy = Policy(vocabulary=VOCABULARY.extended({"tool_selection": ["on_a_whim"]}, {}))
    attributes = {**VALID[wire.EVENT_DECISION], wire.DECISION_REASON_CODE: "on_a_whim"}
    document = {"name": wire.EVENT_DECISION, "attributes": attributes}
    assert Draft202012Validator(wire_schema(policy)).is_valid(document)
    assert not validator("token").is_valid(document)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"name": wire.EVENT_FAILURE},
        {"name": "other", "attributes": {}},
        {"name": wire.EVENT_FAILURE, "attributes": []},
        {"name": wire.EVENT_FAILURE, "attributes": {**VALID[wire.EVENT_FAILURE], "body": "x"}},
        {"name": wire.EVENT_FAILURE, "attributes": VALID[wire.EVENT_FAILURE], "body": "x"},
        {"name": wire.EVENT_SIGNAL, "attributes": VALID[wire.EVENT_DECISION]},
    ],
)
def test_what_is_no_event_is_refused(document: object) -> None:
    """The schema leaves no room for anything beside the contract."""
    assert not validator("token").is_valid(document)


texts = st.one_of(
    st.text(max_size=6),
    st.text("ab. \n@é-1", min_size=95, max_size=205),
    st.from_regex(r"[a-z]{1,8}( [a-z]{1,4}){0,5}", fullmatch=True),
    st.sampled_from(["tool_selection", "fresh_data_required", "tool_success", "first_attempt", "tool"]),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 1),
    texts,
)
names = st.one_of(
    st.sampled_from(sorted(BLOCKED_KEYS)).map(lambda word: word.title()),
    st.text("aZ_.-1 é", min_size=1, max_size=66),
    st.text(max_size=4),
)
keys = st.sampled_from(
    [
        wire.DECISION_SELECTED,
        wire.DECISION_CONFIDENCE,
        wire.DECISION_CANDIDATES,
        wire.DECISION_TOOL_NAME,
        wire.DECISION_WAIT_MS,
        wire.DECISION_ID,
        wire.SIGNAL_VALUE,
        wire.SIGNAL_WEIGHT,
        wire.FAILURE_TYPE,
        wire.FAILURE_CODE,
        wire.FAILURE_MESSAGE,
        wire.EVALUATION_NAME,
        wire.EVALUATION_SCORE,
        wire.EVALUATION_LABEL,
        wire.ERROR_TYPE,
        wire.OUTCOME_STATUS,
        wire.OUTCOME_FAILURE_TYPE,
        wire.OUTCOME_FAILURE_CODE,
        wire.STEP_ID,
    ]
)


@given(
    policy=st.sampled_from([TOKEN, WORDS, RELAXED]),
    event=st.sampled_from(sorted(VALID)),
    changes=st.dictionaries(keys, st.one_of(scalars, st.lists(scalars, max_size=33)), max_size=2),
    metadata=st.dictionaries(names.map(wire.METADATA_PREFIX.__add__), scalars, max_size=2),
    more=st.integers(28, 34),
)
def test_schema_and_rules_agree(
    policy: Policy, event: str, changes: dict[str, object], metadata: dict[str, object], more: int
) -> None:
    """Whatever is changed in a valid event, the schema accepts it exactly where the rules do."""
    if event == wire.EVENT_OUTCOME:
        metadata = {}
    own = {
        key: value for key, value in changes.items() if key.startswith((f"{stem(event)}.", step_of(event)))
    }
    many = {f"{wire.METADATA_PREFIX}k{number}": number for number in range(more)} if metadata else {}
    attributes = {**VALID[event], **own, **metadata, **many}
    try:
        enforce(policy, event, attributes)
    except Violation:
        assert not accepts(policy, event, attributes)
    else:
        assert accepts(policy, event, attributes)


def step_of(event: str) -> str:
    """What names the step of an event; an outcome is of its run."""
    return f"{stem(event)}." if event == wire.EVENT_OUTCOME else wire.STEP_ID


def stem(event: str) -> str:
    """What the attribute keys of an event begin with."""
    return event.replace("quality_", "")
