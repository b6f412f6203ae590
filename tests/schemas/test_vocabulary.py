"""The vocabulary is the one of the specification, and an extension only ever adds to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace_schemas.site_vocabulary import (
    VOCABULARY,
    Vocabulary,
    get_valid_reason_codes,
    get_valid_signal_codes,
    validate_decision_type,
    validate_reason_code,
    validate_signal_code,
    validate_signal_type,
)
from agenttrace_schemas.vocabulary import (
    DecisionType,
    FailureType,
    ReasonCode,
    RunStatus,
    SignalCode,
    SignalType,
    StepType,
)
from agenttrace_schemas.vocabulary_file import InvalidVocabulary, load_extension

# Section 2 of the specification and what was added for coding agents, typed in once more: what was agreed on does not change by accident.
DECISIONS: Final = {
    "tool_selection": "fresh_data_required cached_data_sufficient tool_unavailable cost_optimization"
    " latency_optimization accuracy_required",
    "retrieval_strategy": "semantic_search_preferred keyword_match_sufficient hybrid_approach_needed"
    " filter_applied rerank_required",
    "response_mode": "streaming_requested batch_preferred format_constraint length_constraint",
    "retry_strategy": "transient_error_detected rate_limit_encountered no_retry_terminal_error"
    " retry_budget_exhausted backoff_required",
    "orchestration_path": "sequential_required parallel_preferred conditional_branch early_exit fallback_path",
    "approval": "policy_rule mode hook user_once user_always user_reject user_abort automated_reviewer sandbox"
    " cannot_ask unstated",
    "model_routing": "router configured override fallback",
    "guardrail": "passed tripped masked guardrail_error",
}
SIGNALS: Final = {
    "schema_valid": "full_match partial_match validation_failed no_schema_defined",
    "empty_retrieval": "no_results filtered_out index_empty",
    "tool_success": "first_attempt after_retry fallback_used",
    "tool_failure": "timeout invalid_input unavailable rate_limited authentication_failed",
    "retry_occurred": "single_retry multiple_retries max_retries_reached",
    "latency_threshold": "under_threshold exceeded_threshold significantly_exceeded",
    "token_usage": "low_usage moderate_usage high_usage limit_approached",
    "model_refusal": "content_filter policy",
    "loop_detected": "repeated_tool_call repeated_text judged_by_model",
    "context_compacted": "automatic manual",
    "user_feedback": "positive negative neutral",
    "guardrail_triggered": "input output tool",
}

names = st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True)
types = st.one_of(names, st.sampled_from([*DECISIONS, *SIGNALS]))
tables = st.dictionaries(types, st.lists(names, max_size=4), max_size=4)


def test_decisions_are_those_of_the_specification() -> None:
    """Every type and its reasons, in its order."""
    assert VOCABULARY.decisions == {name: tuple(codes.split()) for name, codes in DECISIONS.items()}
    assert list(VOCABULARY.decisions) == list(DecisionType)


def test_signals_are_those_of_the_specification() -> None:
    """Every type and its codes, in its order."""
    assert VOCABULARY.signals == {name: tuple(codes.split()) for name, codes in SIGNALS.items()}
    assert list(VOCABULARY.signals) == list(SignalType)


def test_small_lists_are_those_of_the_specification() -> None:
    """Step types, run statuses and failure types."""
    assert list(StepType) == "plan retrieve tool respond other".split()
    assert list(RunStatus) == "success failure partial unknown".split()
    assert list(FailureType) == "tool model retrieval orchestration".split()


@pytest.mark.parametrize(
    ("table", "codes"), [(VOCABULARY.decisions, ReasonCode), (VOCABULARY.signals, SignalCode)]
)
def test_each_code_belongs_to_one_type(
    table: Mapping[str, tuple[str, ...]], codes: type[ReasonCode | SignalCode]
) -> None:
    """No member of the enumeration is left over or used twice."""
    assert sorted(code for belonging in table.values() for code in belonging) == sorted(codes)


@given(kind=st.one_of(st.text(), types), code=st.one_of(st.text(), names, st.sampled_from(list(ReasonCode))))
def test_validators_answer_for_any_text(kind: str, code: str) -> None:
    """They never raise, and agree with the lists of valid codes."""
    assert validate_decision_type(kind) is (kind in DECISIONS)
    assert validate_signal_type(kind) is (kind in SIGNALS)
    assert validate_reason_code(kind, code) is (code in get_valid_reason_codes(kind))
    assert validate_signal_code(kind, code) is (code in get_valid_signal_codes(kind))


def test_enum_members_are_valid_too() -> None:
    """A member is its name."""
    assert validate_reason_code(DecisionType.TOOL_SELECTION, ReasonCode.COST_OPTIMIZATION)
    assert validate_signal_code(SignalType.TOOL_FAILURE, SignalCode.TIMEOUT)


def test_unknown_types_have_no_codes() -> None:
    """An unknown type has an empty list, not an error."""
    assert get_valid_reason_codes("no_such_type") == get_valid_signal_codes("no_such_type") == ()


@given(decisions=tables, signals=tables)
def test_an_extension_never_shrinks(decisions: dict[str, list[str]], signals: dict[str, list[str]]) -> None:
    """Everything that was valid stays valid, in place; everything added becomes valid."""
    extended = VOCABULARY.extended(decisions, signals)
    assert_grown(VOCABULARY.decisions, decisions, extended.decisions)
    assert_grown(VOCABULARY.signals, signals, extended.signals)


def assert_grown(
    before: Mapping[str, tuple[str, ...]],
    added: Mapping[str, list[str]],
    after: Mapping[str, tuple[str, ...]],
) -> None:
    """`after` is `before` followed by what was added, nothing twice."""
    assert list(after)[: len(before)] == list(before)
    for kind, codes in after.items():
        known = before.get(kind, ())
        assert codes[: len(known)] == known
        assert set(codes) == {*known, *added.get(kind, ())}
        assert len(set(codes)) == len(codes)


@given(decisions=tables, signals=tables)
def test_extending_twice_is_extending_once(
    decisions: dict[str, list[str]], signals: dict[str, list[str]]
) -> None:
    """The same file read again changes nothing."""
    once = VOCABULARY.extended(decisions, signals)
    assert once.extended(decisions, signals) == once


def write(directory: Path, content: str) -> Path:
    """An extension file."""
    path = directory / "vocabulary.json"
    path.write_text(content, encoding="utf-8")
    return path


def test_an_extension_file_adds_its_codes(tmp_path: Path) -> None:
    """A code to a known type, and a type of its own."""
    sections = {"decisions": {"tool_selection": ["licence_required"], "escalation": ["human_requested"]}}
    vocabulary = load_extension(write(tmp_path, json.dumps(sections)))
    assert validate_reason_code("tool_selection", "licence_required", vocabulary)
    assert validate_reason_code("escalation", "human_requested", vocabulary)
    assert vocabulary.signals == VOCABULARY.signals


def test_an_extension_builds_on_its_base(tmp_path: Path) -> None:
    """A second file extends what the first one made."""
    base = Vocabulary({"a": ("b",)}, {})
    assert load_extension(write(tmp_path, '{"signals": {"c": []}}'), base) == Vocabulary(
        {"a": ("b",)}, {"c": ()}
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '"x"',
        "{",
        '{"reasons": {}}',
        '{"decisions": []}',
        '{"decisions": {"tool_selection": "code"}}',
        '{"decisions": {"tool_selection": [1]}}',
        '{"decisions": {"Tool": ["code"]}}',
        '{"signals": {"tool": ["Said Jane"]}}',
        '{"signals": {"tool": ["a' + "a" * 64 + '"]}}',
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    """The error says what is allowed and repeats nothing of the file."""
    with pytest.raises(InvalidVocabulary, match=r"^vocabulary extension: ") as refusal:
        load_extension(write(tmp_path, content))
    assert "Jane" not in str(refusal.value)


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    """A file that cannot be read is not an invalid one."""
    with pytest.raises(FileNotFoundError):
        load_extension(tmp_path / "none.json")
