"""Functions whose calls are runs and steps: every kind of function, named for it, and nothing of it looked at."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextvars import copy_context
from functools import partial

import pytest
from opentelemetry.trace import get_current_span

import agenttrace
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings
from agenttrace_schemas import wire


@agenttrace.tool
def look_up(order: str) -> str:
    """Look an order up."""
    agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
    return f"{order}: sent"


@agenttrace.step("respond", model="small")
async def reply() -> str:
    """Answer."""
    await asyncio.sleep(0)
    return "done"


@agenttrace.step("respond")
def words() -> Generator[str, str | None, int]:
    """Two words, and what the consumer said to each."""
    heard = 0
    for word in ("one", "two"):
        agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
        heard += (yield word) is not None
    return heard


@agenttrace.step("respond")
async def stream() -> AsyncIterator[str]:
    """The same, asynchronously."""
    for word in ("one", "two"):
        await asyncio.sleep(0)
        agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
        yield word


class Desk:
    """An agent's tools as methods."""

    @agenttrace.tool
    def method(self) -> str:
        """Of an instance."""
        return type(self).__name__

    @agenttrace.tool
    @staticmethod
    def static(word: str) -> str:
        """Of nobody."""
        return word

    @classmethod
    @agenttrace.tool
    def of_class(cls) -> str:
        """Of the class."""
        return cls.__name__

    async def __call__(self) -> str:
        """Of an object that is called."""
        return str(agenttrace.current_step() is not None)


def names(captured: Capture) -> list[str]:
    """The spans that ended, in that order."""
    return [span.name for span in captured.spans]


def test_a_call_is_a_step_that_is_named_for_its_function(agenttrace_capture: Capture) -> None:
    """The step is current in the function, and gone after it."""
    with agenttrace_capture.tracer().start_run():
        assert look_up("o-1") == "o-1: sent"
        assert look_up(order="o-2") == "o-2: sent"
        assert agenttrace.current_step() is None
    assert names(agenttrace_capture) == ["execute_tool look_up"] * 2 + ["invoke_agent agent"]
    assert {event.span for event in agenttrace_capture.events()} == {"execute_tool look_up"}


def test_functions_stay_what_they_are() -> None:
    """Frameworks ask what a function is before they call it."""
    assert inspect.iscoroutinefunction(reply)
    assert inspect.isgeneratorfunction(words)
    assert inspect.isasyncgenfunction(stream)
    assert (look_up.__name__, look_up.__doc__) == ("look_up", "Look an order up.")
    assert list(inspect.signature(look_up).parameters) == ["order"]


def test_each_call_of_a_run_is_a_run(agenttrace_capture: Capture) -> None:
    """Nested where it is called inside another one."""
    tracer = agenttrace_capture.tracer()

    @tracer.run
    def answer(depth: int) -> str:
        inner = answer(depth - 1) if depth else None
        run = agenttrace.current_run()
        assert run is not None
        assert run.id != inner
        return run.id

    outer = answer(1)
    inside, outside = agenttrace_capture.spans
    assert (outside.attributes or {})[wire.RUN_ID] == outer
    assert (inside.attributes or {})[wire.PARENT_RUN_ID] == outer


def test_coroutines_run_in_their_step(agenttrace_capture: Capture) -> None:
    """Each in its own."""

    async def answer() -> None:
        async with agenttrace_capture.tracer().start_run():
            assert [*await asyncio.gather(reply(), reply())] == ["done", "done"]

    asyncio.run(answer())
    assert names(agenttrace_capture) == ["chat reply"] * 2 + ["invoke_agent agent"]
    assert (agenttrace_capture.spans[0].attributes or {})[wire.GEN_AI_REQUEST_MODEL] == "small"


def test_a_generator_is_current_in_itself_alone(agenttrace_capture: Capture) -> None:
    """The consumer, between two values, is where it was; what it sends and what is returned arrive."""
    with agenttrace_capture.tracer().start_run(), agenttrace.step("tool", "outer") as outer:
        generator = words()
        assert next(generator) == "one"
        assert agenttrace.current_step() is outer
        assert generator.send("heard") == "two"
        assert agenttrace.current_step() is outer
        with pytest.raises(StopIteration) as stop:
            next(generator)
    assert stop.value.value == 1
    assert [event.span for event in agenttrace_capture.events()] == ["chat words"] * 2


def test_an_async_generator_is_current_in_itself_alone(agenttrace_capture: Capture) -> None:
    """Also while it waits."""

    async def answer() -> list[str]:
        async with agenttrace_capture.tracer().start_run():
            seen = []
            async for word in stream():
                assert agenttrace.current_step() is None
                seen.append(word)
            return seen

    assert asyncio.run(answer()) == ["one", "two"]
    assert [event.span for event in agenttrace_capture.events()] == ["chat stream"] * 2


@pytest.mark.parametrize("close", [lambda it: it.close(), lambda it: it.throw(KeyError("said"))])
def test_a_stream_that_is_left_early_ends_its_run(
    agenttrace_capture: Capture, close: Callable[[Generator[int]], None]
) -> None:
    """Closed, it is partial; with an exception, a failure; the generator's own `finally` is inside the run."""
    inside = []

    @agenttrace_capture.tracer().run
    def answer() -> Generator[int]:
        try:
            yield 1
        finally:
            inside.append(agenttrace.current_run() is not None)

    generator = answer()
    next(generator)
    try:
        close(generator)
    except KeyError:
        expected = "failure"
    else:
        expected = "partial"
    span = agenttrace_capture.span("invoke_agent agent")
    assert (span.attributes or {})[wire.RUN_STATUS] == expected
    assert inside == [True]


def test_a_generator_may_handle_what_is_thrown_into_it(agenttrace_capture: Capture) -> None:
    """The step goes on, and ends in order."""

    @agenttrace.step("respond")
    def patient() -> Generator[str]:
        try:
            yield "one"
        except KeyError:
            yield "two"

    @agenttrace.step("respond")
    async def patiently() -> AsyncIterator[str]:
        try:
            yield "one"
        except KeyError:
            yield "two"

    async def consume() -> tuple[str, str]:
        generator = patiently()
        return await anext(generator), await generator.athrow(KeyError())  # type: ignore[attr-defined]  # it is one

    with agenttrace_capture.tracer().start_run():
        generator = patient()
        assert (next(generator), generator.throw(KeyError())) == ("one", "two")
        assert list(generator) == []
        assert asyncio.run(consume()) == ("one", "two")
    assert (agenttrace_capture.span("chat patient").attributes or {}).get(wire.ERROR_TYPE) is None
    assert names(agenttrace_capture)[-1] == "invoke_agent agent"


def test_parts_of_a_stream_may_run_in_contexts_of_their_own(
    agenttrace_capture: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    """Starlette takes each value of a sync generator in a copy of the context; nothing fails to detach."""

    @agenttrace_capture.tracer().run
    def answer() -> Iterator[int]:
        with agenttrace.step("tool", "inner"):
            agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
            yield 1
            agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
        agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
        yield 2

    with caplog.at_level(logging.DEBUG):
        generator = answer()
        parts = [copy_context().run(next, generator, None) for _ in range(3)]
    assert parts == [1, 2, None]
    assert [event.span for event in agenttrace_capture.events()] == [
        "execute_tool inner",
        "execute_tool inner",
        "invoke_agent agent",
    ]
    assert caplog.records == []
    assert not get_current_span().get_span_context().is_valid


def test_methods_partials_and_objects_are_functions_too(agenttrace_capture: Capture) -> None:
    """Each is named for what is called in the end."""
    with agenttrace_capture.tracer().start_run():
        assert (Desk().method(), Desk.static("x"), Desk.of_class()) == ("Desk", "x", "Desk")
        assert agenttrace.tool(name="sum_up")(partial(sum, [1, 2]))() == 3
        assert agenttrace.tool(partial(sum, [1, 2]))() == 3
        assert asyncio.run(agenttrace.tool(Desk())()) == "True"
    *steps, _ = names(agenttrace_capture)
    assert steps == [f"execute_tool {name}" for name in "method static of_class sum_up sum Desk".split()]


def test_exceptions_pass_through(agenttrace_capture: Capture) -> None:
    """They leave their class on the step."""

    @agenttrace.tool
    def fail() -> None:
        message = "said"
        raise KeyError(message)

    with agenttrace_capture.tracer().start_run(), pytest.raises(KeyError):
        fail()
    assert (agenttrace_capture.span("execute_tool fail").attributes or {})[wire.ERROR_TYPE] == "KeyError"


def test_switched_off_a_function_is_what_it_was() -> None:
    """No span, no count, the same values."""
    with capture(Settings(enabled=False)) as captured:
        assert look_up("o-1") == "o-1: sent"
        assert list(words()) == ["one", "two"]
        assert captured.spans == ()
        assert captured.counters().refused == {}


def test_without_a_name_a_block_is_redacted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """`with agenttrace.step("tool")` is a decorator's form; type checkers refuse it, the program goes on."""
    with capture(Settings()) as captured, captured.tracer().start_run():
        with agenttrace.step("tool"):  # type: ignore[attr-defined]  # what is shown
            pass
        assert names(captured) == ["execute_tool _redacted"]
    assert "the step's name is recorded as _redacted" in caplog.text
