"""Numbers of other libraries are numbers, and one fact that is refused costs no other."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

import agenttrace
from agenttrace.capture import capture
from agenttrace.numeric import plain
from agenttrace.settings import Settings
from agenttrace_schemas import wire


class Tensor:
    """A tensor as torch has it: `shape` and `item`, registered nowhere."""

    def __init__(self, value: object, *shape: int) -> None:
        self._value = value
        self.shape = shape

    def item(self) -> object:
        """The one value, or the error of a tensor that is on no device."""
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


class Level(IntEnum):
    """A number with a name."""

    HIGH = 3


NUMBERS: list[tuple[Any, object]] = [
    (np.float32(0.5), 0.5),
    (np.float64(0.5), 0.5),
    (np.float16(0.5), 0.5),
    (np.longdouble(0.5), 0.5),
    (np.int64(3), 3),
    (np.uint8(3), 3),
    (np.bool_(True), True),
    (np.array(0.5), 0.5),
    (np.array(True), True),
    (Tensor(0.5), 0.5),
    (Tensor(3), 3),
    (Tensor(True), True),
    (Decimal("0.5"), 0.5),
    (Fraction(1, 2), 0.5),
    (Level.HIGH, 3),
    (0.5, 0.5),
    (True, True),
]
NO_NUMBERS: list[Any] = [
    np.array([0.5]),
    np.array([[1]]),
    np.datetime64("2026-01-01"),
    np.complex64(1),
    Tensor(0.5, 1),
    Tensor("said"),
    Tensor(RuntimeError("said")),
    Decimal("sNaN"),
    Fraction(10**400),
    MagicMock(),
    object(),
    b"1",
    [0.5],
    1j,
]


@pytest.mark.parametrize(("value", "expected"), NUMBERS, ids=lambda value: type(value).__name__)
def test_numbers_are_read_as_pythons_own(value: Any, expected: object) -> None:
    """In metadata of events and steps; the type is exact, so that any exporter takes it."""
    with capture() as captured:
        with captured.tracer().start_run() as run, run.step("tool", "a") as step:
            run.record_decision("tool_selection", "a", "cost_optimization", metadata={"k": value})
            step.add_metadata(k=value)
        (event,) = captured.events()
        on_step = (captured.span("execute_tool a").attributes or {})[f"{wire.METADATA_PREFIX}k"]
    for found in (plain(value), event.attributes[f"{wire.METADATA_PREFIX}k"], on_step):
        assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
def test_what_is_no_number_is_refused(value: Any) -> None:
    """Arrays, mocks and what cannot be converted; nothing of it is logged, and nothing raised."""
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run, run.step("tool", "a", attempt=value) as step:
            run.record_decision("tool_selection", "a", "cost_optimization", confidence=value)
            run.record_decision("tool_selection", "a", "cost_optimization", metadata={"k": value})
            run.record_quality_signal("tool_success", "first_attempt", value)
            step.add_metadata(k=value)
            step.set(input_tokens=value, stream=value)
        assert captured.events() == []
        attributes = captured.span("execute_tool a").attributes or {}
        assert not {wire.STEP_ATTEMPT, wire.GEN_AI_USAGE_INPUT_TOKENS, f"{wire.METADATA_PREFIX}k"} & {
            *attributes
        }
        assert sum(captured.counters().refused.values()) == 7


@pytest.mark.parametrize(
    "value", [np.int64(25), np.float32(25), 25.0, Decimal(25), Fraction(50, 2), Tensor(25)]
)
def test_counts_are_whole_numbers(value: Any) -> None:
    """Also as a float without a fraction, as columns with gaps have them."""
    with capture() as captured:
        with captured.tracer().start_run() as run, run.step("respond", "a", input_tokens=value):
            pass
        found = (captured.span("chat a").attributes or {})[wire.GEN_AI_USAGE_INPUT_TOKENS]
    assert (type(found), found) == (int, 25)


@pytest.mark.parametrize(
    "value", [-1, 25.5, 2**48 + 1, np.float32("nan"), np.inf, Decimal("25.5"), "2,5", True]
)
def test_other_counts_are_left_out(value: Any) -> None:
    """Fractions, infinities, other texts, flags and what no model counts up to."""
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run, run.step("respond", "a", input_tokens=value):
            pass
        assert wire.GEN_AI_USAGE_INPUT_TOKENS not in (captured.span("chat a").attributes or {})


def test_fractions_and_flags_of_events() -> None:
    """Confidence, weight and value."""
    observed: Any = np.bool_(False)
    with capture() as captured:
        with captured.tracer().start_run() as run:
            run.record_decision("tool_selection", "a", "cost_optimization", confidence=np.float32(0.25))
            run.record_quality_signal("tool_success", "first_attempt", observed, weight=Decimal("0.75"))
        decision, signal = captured.events()
    assert decision.attributes[wire.DECISION_CONFIDENCE] == 0.25
    assert signal.attributes[wire.SIGNAL_VALUE] is False
    assert signal.attributes[wire.SIGNAL_WEIGHT] == 0.75


@pytest.mark.parametrize("at_start", [True, False])
def test_a_bad_fact_costs_no_other(*, at_start: bool) -> None:
    """Each by itself, wherever it stands among them, and each is counted."""
    facts: Any = {
        "attempt": "second",
        "model": "m-1",
        "input_tokens": -1,
        "colour": "red",
        "output_tokens": 7,
        "stream": "maybe",
        "finish_reason": "stop",
    }
    with capture(Settings()) as captured:
        with (
            captured.tracer().start_run() as run,
            run.step("respond", "a", **(facts if at_start else {})) as step,
        ):
            if not at_start:
                step.set(**facts)
        found = captured.span("chat a").attributes or {}
        assert found[wire.GEN_AI_REQUEST_MODEL] == "m-1"
        assert found[wire.GEN_AI_USAGE_OUTPUT_TOKENS] == 7
        assert found[wire.GEN_AI_RESPONSE_FINISH_REASONS] == ("stop",)
        assert not {wire.STEP_ATTEMPT, wire.GEN_AI_USAGE_INPUT_TOKENS, wire.GEN_AI_REQUEST_STREAM} & {*found}
        assert captured.counters().refused == {"count.range": 2, "misuse": 2}


def test_a_bad_key_costs_no_other_of_a_step() -> None:
    """Metadata of a span are facts of their own; in an event a bad key costs the event, as the rules say."""
    metadata: Any = {"shard": 3, "prompt": "x", "when": object(), "region": "eu-1", "note": "two words"}
    nothing: Any = [1]
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run, run.step("tool", "a") as step:
            step.add_metadata(metadata, cached=True)
            step.add_metadata(nothing, late=1)
            run.record_decision("tool_selection", "a", "cost_optimization", metadata=metadata)
            agenttrace.record_decision("tool_selection", "a", "cost_optimization", metadata=nothing)
        attributes = captured.span("execute_tool a").attributes or {}
        found = {key for key in attributes if key.startswith(wire.METADATA_PREFIX)}
        assert found == {f"{wire.METADATA_PREFIX}{key}" for key in ("shard", "region", "cached", "late")}
        assert captured.events() == []
        assert captured.counters().refused == {
            "metadata.blocked_key": 2,
            "metadata.type": 3,
            "label.pattern": 1,
        }


@pytest.mark.parametrize("word", ["STOP", " Stop ", "Tool-Calls", "TOOL_CALLS"])
def test_words_are_read_in_any_spelling(word: Any) -> None:
    """Closed lists are in lower case with underscores; providers write them as they like."""
    with capture() as captured:
        with captured.tracer().start_run() as run, run.step("respond", "a", finish_reason=word):
            pass
        found = (captured.span("chat a").attributes or {})[wire.GEN_AI_RESPONSE_FINISH_REASONS]
    assert found in {("stop",), ("tool_calls",)}
