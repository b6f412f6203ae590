"""The rules are total: any value is kept, rewritten or refused by name, and what is kept stays kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace_schemas import rules
from agenttrace_schemas.metadata import check_metadata
from agenttrace_schemas.names import conversation_hash, kept_name
from agenttrace_schemas.rules import RULES, Policy, Verdict, Violation
from agenttrace_schemas.texts import REDACTED, identifier, is_secret, label_fault

policies = st.builds(
    Policy,
    labels=st.sampled_from(["token", "words", "relaxed"]),
    failure_messages=st.sampled_from(["template", "keep"]),
)
texts = st.one_of(
    st.text(),
    st.text("a b-1_", max_size=210),
    st.sampled_from(["tool_selection", "cost_optimization", "timeout", "tool"]),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.binary())
anything = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=8
)


def kept_or_refused(check: Callable[[], object]) -> object:
    """What a check returns, None for a violation of the table; whatever else it raises is a fault."""
    try:
        return check()
    except Violation as violation:
        return None if RULES[violation.rule].verdict is Verdict.REJECT else pytest.fail(violation.rule)


@given(policy=policies, values=st.tuples(*[anything] * 7))
def test_any_decision_is_kept_or_refused_by_name(policy: Policy, values: tuple[object, ...]) -> None:
    """Nothing but a violation of the table is ever raised."""
    names = (
        *("decision_type", "selected", "reason_code", "confidence", "candidates"),
        *("tool_name", "wait_ms"),
    )
    kept_or_refused(lambda: rules.check_decision(policy, **dict(zip(names, values, strict=True))))


@given(policy=policies, values=st.tuples(anything, anything, anything, anything))
def test_any_signal_is_kept_or_refused_by_name(policy: Policy, values: tuple[object, ...]) -> None:
    """Nothing but a violation of the table is ever raised."""
    names = ("signal_type", "signal_code", "value", "weight")
    kept_or_refused(lambda: rules.check_signal(policy, **dict(zip(names, values, strict=True))))


@given(policy=policies, values=st.tuples(anything, anything, anything))
def test_any_failure_is_kept_or_refused_by_name(policy: Policy, values: tuple[object, ...]) -> None:
    """Nothing but a violation of the table is ever raised."""
    names = ("failure_type", "failure_code", "message")
    kept_or_refused(lambda: rules.check_failure(policy, **dict(zip(names, values, strict=True))))


@given(
    policy=policies, selected=texts, confidence=scalars, candidates=st.none() | st.lists(texts), tool=anything
)
def test_a_kept_decision_is_kept_again(
    policy: Policy, selected: str, confidence: object, candidates: list[str] | None, tool: object
) -> None:
    """The collector's look at what the SDK let through changes nothing."""

    def check(**fields: object) -> rules.Decision:
        return rules.check_decision(
            policy, decision_type="tool_selection", reason_code="cost_optimization", **fields
        )

    fields = {"selected": selected, "confidence": confidence, "candidates": candidates, "tool_name": tool}
    kept = kept_or_refused(lambda: check(**fields))
    if isinstance(kept, rules.Decision):
        assert rules.check_decision(policy, **kept._asdict()) == kept


@given(policy=policies, code=texts.filter(bool), message=anything)
def test_a_kept_failure_is_kept_again(policy: Policy, code: str, message: object) -> None:
    """A rewritten code or message is not rewritten once more."""
    kept = rules.check_failure(policy, failure_type="tool", failure_code=code, message=message)
    assert rules.check_failure(policy, **kept._asdict()) == kept


@given(policy=policies, metadata=st.dictionaries(st.text(max_size=8), anything, max_size=4))
def test_kept_metadata_is_kept_again(policy: Policy, metadata: Mapping[str, object]) -> None:
    """Empty values are dropped once; the rest is as it was."""
    kept = kept_or_refused(lambda: check_metadata(policy, metadata))
    if isinstance(kept, dict):
        assert kept == {key: value for key, value in metadata.items() if value is not None}
        assert check_metadata(policy, kept) == kept


@given(texts)
def test_an_identifier_is_itself_or_redacted(value: str) -> None:
    """But for the white space around it, and what is stored is an identifier again."""
    assert identifier(value) in {value.strip(), REDACTED}
    assert identifier(identifier(value)) == identifier(value)


def test_a_name_that_was_redacted_before_stays_whoever_asked_first() -> None:
    """It is an identifier; what is remembered of the constant itself makes it no refused name."""
    assert identifier(REDACTED) == REDACTED
    assert kept_name(b"key", f"_{REDACTED[1:]}") == REDACTED


@given(texts)
def test_wider_label_modes_accept_what_narrower_ones_do(value: str) -> None:
    """Every token is words, every words are relaxed."""
    faults = [label_fault(value, mode) for mode in ("relaxed", "words", "token")]
    assert [not fault for fault in faults] == sorted((not fault for fault in faults), reverse=True)


@given(texts, st.lists(texts, max_size=3))
def test_a_closed_value_is_listed_other_or_empty(value: str, allowed: list[str]) -> None:
    """Nothing outside the list is stored."""
    assert rules.closed(value, allowed) in {*allowed, "", rules.OTHER}


@given(texts)
def test_a_conversation_is_stored_as_a_hash_only(value: str) -> None:
    """64 hex digits under a key, nothing without one."""
    hashed = conversation_hash(b"key", value)
    assert len(hashed) == (64 if value else 0)
    assert conversation_hash(b"", value) == ""


def test_the_key_decides_the_hash() -> None:
    """The same conversation under two keys cannot be joined."""
    first, second = (conversation_hash(key, "c1") for key in (b"a", b"b"))
    assert first != second
    assert conversation_hash(b"a", "c1") == first


@given(st.text(max_size=40), st.emails(domains=st.just("example.com")), st.text(max_size=40))
def test_an_address_is_seen_anywhere_in_a_text(before: str, address: str, after: str) -> None:
    """A plain e-mail address is a secret whatever stands around it."""
    if address.isascii() and address.replace("@", "").replace(".", "").isalnum():
        assert is_secret(f"{before} {address} {after}")


def test_the_key_is_not_shown() -> None:
    """A policy can be logged."""
    assert "hush" not in repr(Policy(site_key=b"hush"))
