"""What is not recorded as it was stated is told: a sentence, at the caller's line, once for each line."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, contextmanager
from functools import partial, wraps
from typing import Any

import pytest

import agenttrace
from agenttrace import AgentTracer, Run, Step
from agenttrace.capture import Capture, capture
from agenttrace.guard import Misuse
from agenttrace.settings import Settings
from agenttrace_schemas.rules import Policy

SAID: Any = "Dear Mr. Miller, about your account: we have to say no"


def here() -> int:
    """The line of the call."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The warnings of a test."""
    with capture(Settings()), caplog.at_level(logging.WARNING):
        yield caplog
    assert "Miller" not in caplog.text


def changing(run: Run, step: Step) -> dict[str, Callable[[], object]]:
    """Calls that are followed in part, or not at all."""
    anything: Any = object()
    unknown: Any = {SAID: 1}
    return {
        "agent_id": lambda: AgentTracer(SAID),
        "agent_id of nothing": lambda: AgentTracer(""),
        "agent_version": lambda: AgentTracer("desk", SAID),
        "environment": lambda: AgentTracer("desk", environment=SAID),
        "conversation_id": lambda: AgentTracer("desk").start_run(conversation_id=SAID),
        "run_id": lambda: AgentTracer("desk").start_run(run_id=SAID),
        "step_type": lambda: run.step(SAID, "a"),
        "step_type of another type": lambda: run.step(anything, "a"),
        "the step's name": lambda: run.step("tool", SAID),
        "status": lambda: run.set_status(SAID),
        "model": lambda: step.set(model=SAID),
        "tool": lambda: step.set(tool=SAID),
        "finish_reason": lambda: step.set(finish_reason=SAID),
        "output_type": lambda: step.set(output_type=SAID),
        "attempt": lambda: step.set(attempt=-1),
        "stream": lambda: step.set(stream=anything),
        "a fact": lambda: step.set(**unknown),
        "error_type": lambda: step.set_error(SAID),
        "agenttrace.metadata.k": lambda: step.add_metadata(k=SAID),
        "agenttrace.metadata.*": lambda: step.add_metadata(anything),
        "step_id": lambda: run.record_failure("tool", "timeout", step_id=SAID),
        "failure_code": lambda: run.record_failure("tool", SAID),
        "message": lambda: run.record_failure("tool", "timeout", f"{SAID}\n"),
        "agenttrace.failure.type": lambda: run.record_failure(SAID, "timeout"),
        "agenttrace.decision.type": lambda: run.record_decision(SAID, "a", "cost_optimization"),
        "agenttrace.decision.selected": lambda: agenttrace.record_decision(
            "tool_selection", SAID, "cost_optimization"
        ),
        "record_decision takes decision_type, selected": lambda: run.record_decision(**unknown),
    }


KEPT = Settings(policy=Policy(failure_messages="keep"))
CALLS = tuple(changing(Run.__new__(Run), Step.__new__(Step)))


@contextmanager
def entered(settings: Settings) -> Iterator[tuple[Run, Step, Capture]]:
    """A run and a step in it."""
    with capture(settings) as captured, captured.tracer().start_run() as run, run.step("tool", "a") as step:
        yield run, step, captured


@pytest.mark.parametrize("field", CALLS)
def test_every_change_is_a_sentence_at_its_line(field: str, caplog: pytest.LogCaptureFixture) -> None:
    """What it is about, what is allowed, where; never what was passed."""
    with entered(KEPT) as (run, step, captured), caplog.at_level(logging.DEBUG):
        before = captured.counters()
        changing(run, step)[field]()
        assert captured.counters() != before
    (record,) = caplog.records
    message = record.getMessage()
    assert field.partition(" of ")[0] in message
    assert re.fullmatch(r".* (must be|takes|states) .* \(.*test_notices\.py, line [0-9]+\)", message)
    assert (record.levelname, record.pathname) == ("WARNING", __file__)
    assert f"line {record.lineno})" in message
    assert "Miller" not in caplog.text


@pytest.mark.parametrize("field", CALLS)
def test_strict_raises_every_change(field: str) -> None:
    """For tests of agents: what would be changed or left out raises there and then."""
    strict = Settings(strict=True, policy=KEPT.policy)
    with entered(strict) as (run, step, _), pytest.raises(Exception) as raised:
        changing(run, step)[field]()
    assert isinstance(raised.value, Misuse | ValueError | TypeError)


AFTER: dict[str, Callable[[Run, Step], None]] = {
    "run.set_status": lambda run, _: run.set_status("failure"),
    "run.add_metadata": lambda run, _: run.add_metadata(k=1),
    "step.set": lambda _, step: step.set(attempt=1),
    "step.set_error": lambda _, step: step.set_error("timeout"),
    "step.add_metadata": lambda _, step: step.add_metadata(k=1),
}


@pytest.mark.parametrize("call", AFTER)
def test_what_is_stated_after_the_end_is_told(call: str, caplog: pytest.LogCaptureFixture) -> None:
    """The span has left by then."""
    for strict in (False, True):
        with capture(Settings(strict=strict)) as captured, caplog.at_level(logging.DEBUG):
            with captured.tracer().start_run() as run, run.step("tool", "a") as step:
                pass
            if strict:
                with pytest.raises(Misuse, match="has ended"):
                    AFTER[call](run, step)
            else:
                AFTER[call](run, step)
            assert captured.counters().refused == {"misuse": 1}
    line = AFTER[call].__code__.co_firstlineno
    assert [(record.name, record.lineno) for record in caplog.records] == [("agenttrace", line)] * 2


def test_an_exceptions_class_is_no_misuse() -> None:
    """Nobody chose to pass it, and in strict an agent's own exception goes on all the same."""
    kind = type("Said" * 100, (Exception,), {})
    with capture() as captured:
        with pytest.raises(kind), captured.tracer().start_run():
            raise kind
        assert captured.counters().redacted == 1


def test_once_for_each_line(told: pytest.LogCaptureFixture) -> None:
    """A loop is one line; another line is told anew, and so is another misuse on the same line."""
    for _ in range(5):
        AgentTracer(SAID)
    first = here() - 1
    AgentTracer(SAID)
    AgentTracer(SAID, SAID)
    assert [record.lineno for record in told.records] == [first, first + 2, first + 3, first + 3]
    assert agenttrace.counters().redacted == 8


def test_the_line_is_the_applications(told: pytest.LogCaptureFixture) -> None:
    """Through stacks, partial functions, own context managers and decorators."""
    lines = []
    with AgentTracer("desk").start_run() as run, ExitStack() as stack:
        outside = AgentTracer("desk").start_run()
        with ExitStack() as inner:
            inner.enter_context(outside.step("tool", "a"))
            lines.append(here() - 1)
        partial(run.step, SAID, "a")()
        lines.append(here() - 1)
        stack.enter_context(own_step(run))
        lines.append(own_step.__wrapped__.__code__.co_firstlineno + 3)  # type: ignore[attr-defined]  # of contextlib
        decorated(run)
        lines.append(decorated.__wrapped__.__code__.co_firstlineno + 3)  # type: ignore[attr-defined]  # of functools
    assert [(record.pathname, record.lineno) for record in told.records] == [
        (__file__, line) for line in lines
    ]


@contextmanager
def own_step(run: Run) -> Iterator[Step]:
    """An application's own wrapper: the call stands in it."""
    with run.step(SAID, "a") as step:
        yield step


def decorator(function: Callable[[Run], None]) -> Callable[[Run], None]:
    """An application's own."""

    @wraps(function)
    def call(run: Run) -> None:
        function(run)

    return call


@decorator
def decorated(run: Run) -> None:
    """The call stands in it."""
    run.record_decision("tool_selection", SAID, "cost_optimization")


def test_the_line_in_tasks_and_threads(told: pytest.LogCaptureFixture) -> None:
    """A coroutine is a caller; where only a pool calls, the application's line that is left stands for it."""

    async def answer() -> int:
        async with AgentTracer("desk").start_run() as run, AsyncExitStack() as stack:
            await stack.enter_async_context(run.step("tool", SAID))
            return here() - 1

    line = asyncio.run(answer())
    with AgentTracer("desk").start_run() as run, ThreadPoolExecutor(1) as pool:
        pool.submit(run.record_failure, SAID, "timeout").result()
    assert (told.records[0].pathname, told.records[0].lineno) == (__file__, line)
    assert len(told.records) == 2


def test_a_handler_that_fails_does_not_fail_the_agent() -> None:
    """Logging is the application's."""

    class Broken(logging.Filter):
        def filter(self, _: logging.LogRecord) -> bool:
            raise OSError

    logger, broken = logging.getLogger("agenttrace"), Broken()
    logger.addFilter(broken)
    try:
        with capture(Settings()):
            AgentTracer(SAID)
    finally:
        logger.removeFilter(broken)


def test_code_that_was_made_at_run_time_names_no_file(told: pytest.LogCaptureFixture) -> None:
    """What a model wrote may be compiled under any name."""
    exec(compile("agenttrace.AgentTracer('two  words')", SAID, "exec"), {"agenttrace": agenttrace})  # noqa: S102
    assert told.records[0].getMessage().endswith("(line 1)")
    assert "Miller" not in told.text
