"""One plain form for every spelling of a word, and one reading of counts and flags."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace_schemas.column_types import FINISH_REASONS, OUTPUT_TYPES
from agenttrace_schemas.counts import MOST_COUNTED, MOST_SEQ, count_of
from agenttrace_schemas.spellings import FINISH_REASONS as REASONS
from agenttrace_schemas.spellings import OUTPUT_TYPES as OUTPUTS
from agenttrace_schemas.spellings import flag_of, plain, spelling

SPELLED = {
    "stop": (
        *(
            "stop",
            "STOP",
            "Stop",
            " stop ",
            "stop\n",
            "endTurn",
            "END_TURN",
            "end-turn",
            "end turn",
            "EndTurn",
        ),
        *('["stop"]', "['stop']", '"stop"', '[["stop"]]', '"[\\"stop\\"]"', '{"finish_reason": "stop"}'),
        *("stop,stop", "stop, tool_calls", "stop;stop", "stop|stop", "finish_reason: STOP\n"),
        *("FinishReason.STOP", "FINISH_REASON_STOP", "types.FinishReason.STOP", "FinishReason::Stop"),
        *("<FinishReason.STOP: 'STOP'>", "<FinishReason.STOP: 1>", "StopReason.end_turn", "COMPLETE"),
        "CompletionsFinishReason.STOPPED",
    ),
    "length": (
        *("length", "max_tokens", "max-tokens", "maxTokens", "MAX_TOKENS", "MaxTokens", "max tokens"),
        *("FinishReason.MAX_TOKENS", "FINISH_REASON_MAX_TOKENS", '["max-tokens"]', "TokenLimitReached"),
        *("max_output_tokens", "model_context_window_exceeded"),
    ),
    "tool_calls": (
        *("tool_calls", "tool-calls", "toolCalls", "ToolCalls", "TOOL_CALLS", "tool_use", "toolUse"),
        *('["tool_calls"]', "function_call", "ChatFinishReason.ToolCalls", "requires_action"),
    ),
    "content_filter": ("content-filter", "ContentFilter", "SAFETY", "refusal", "FINISH_REASON_SAFETY"),
    "error": ("error", "ERROR", "malformedFunctionCall"),
    "other": ("other", "OTHER", "unknown", "cancelled"),
    "": ("", " ", "[]", '[""]', "null", "None", "FINISH_REASON_UNSPECIFIED"),
}
NOT_KNOWN = (
    *(
        "because I was done",
        "stopgap",
        "not_stop",
        "stop it now please",
        "Haltepunkt",
        "停止",
        "1",
        "x" * 10_000,
    ),
    *("stop理由", "non-error", "[" * 300),
)


@pytest.mark.parametrize("ours", SPELLED)
def test_finish_reasons_in_every_spelling(ours: str) -> None:
    """Case, humps, separators, enumerations, JSON and lists change no word."""
    assert {text: spelling(REASONS, text) for text in SPELLED[ours]} == dict.fromkeys(SPELLED[ours], ours)


def test_other_words_are_not_known() -> None:
    """A word within a text is not the text."""
    known = {text: spelling(REASONS, text) for text in NOT_KNOWN}
    assert known == dict.fromkeys(NOT_KNOWN)


def test_output_types_in_every_spelling() -> None:
    """JSON of a response format too."""
    given = ("json", "JSON", "json_object", "jsonSchema", '{"type": "json_schema"}', "application/json")
    assert {spelling(OUTPUTS, text) for text in given} == {"json"}
    assert spelling(OUTPUTS, "text/plain") == "text"


def test_tables_hold_plain_words_and_our_own() -> None:
    """Else a row of a table could never be found, or a spelling would come out as no word of ours."""
    for table, ours in ((REASONS, FINISH_REASONS), (OUTPUTS, OUTPUT_TYPES)):
        assert {plain(word) for word in table} == set(table)
        assert set(table.values()) == {*ours, "other", ""}
        assert {word: table[word] for word in ours} == {word: word for word in ours}


@given(st.text(max_size=300))
def test_any_text_has_a_spelling_or_none(text: str) -> None:
    """Whatever is sent, only a word of ours comes out."""
    assert spelling(REASONS, text) in {*REASONS.values(), None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((value, 25) for value in (25, 25.0, "25", " 25 ", "25\n", "25.0", "2.5e1", "250E-1", "0025")),
        *((value, 0) for value in (0, 0.0, -0.0, "0", "0.0", "0e9")),
        *((value, MOST_COUNTED) for value in (2**48, 2.0**48, str(2**48))),
        *(
            (value, None)
            for value in (2**48 + 1, 2**63, 2**64, 2**200, 1e300, str(2**48 + 1), "1e99", "9" * 40)
        ),
        *(
            (value, None)
            for value in (-1, -0.5, 0.5, 25.5, "25.5", "0.1e0", "1e-1", math.nan, math.inf, -math.inf)
        ),
        *(
            (value, None)
            for value in (
                "-1",
                "-0",
                "+25",
                "25.",
                ".5",
                "abc",
                "",
                " ",
                "1,000",
                "1_000",
                "0x19",
                "٢٥",
                "\uff12\uff15",
            )
        ),
        *(
            (value, None)
            for value in ("nan", "inf", "Infinity", "true", "None", "25 tokens", "24." + "9" * 20)
        ),
        *((value, None) for value in (True, False, None, b"25", [25], {"a": 25}, "1" * 100_000)),
    ],
    ids=lambda value: str(value)[:12],
)
def test_counts(value: object, expected: int | None) -> None:
    """A whole number from 0 to 2^48, however it is written; nothing is rounded to one."""
    assert count_of(value) == expected
    assert type(count_of(value)) in (int, type(None))


def test_a_count_may_have_a_lower_bound_to_keep() -> None:
    """The order of a step is stored in 32 bits."""
    assert [count_of(value, MOST_SEQ) for value in (MOST_SEQ, MOST_SEQ + 1)] == [MOST_SEQ, None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((value, True) for value in (True, "true", "True", " TRUE ", 1, "1")),
        *((value, False) for value in (False, "false", "FALSE", 0, "0", "no")),
        *((value, None) for value in ("maybe", "", 2, 1.0, None, [True])),
    ],
)
def test_flags(value: object, expected: bool | None) -> None:  # noqa: FBT001 - a case
    """A boolean, or a text or number of one."""
    assert flag_of(value) is expected
