"""How a run ends: by its agent's word, by an exception, or cut short from outside."""

from __future__ import annotations

import asyncio
import concurrent.futures
from contextlib import suppress

import pytest
from opentelemetry.trace import StatusCode

from agenttrace import RunStatus
from agenttrace.capture import Capture
from agenttrace.codes import StatusName
from agenttrace_schemas import wire

RUN_SPAN = "invoke_agent agent"


class Refusal(Exception):
    """An exception of an agent's own."""


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (ValueError, "ValueError"),
        (Refusal, f"{__name__}.Refusal"),
        (asyncio.CancelledError, "asyncio.exceptions.CancelledError"),
        (KeyboardInterrupt, "KeyboardInterrupt"),
    ],
)
def test_an_exception_leaves_its_class_only(
    agenttrace_capture: Capture, error: type[BaseException], error_type: str
) -> None:
    """Step and run say which class it was, and nothing it said; the exception itself goes on."""
    with pytest.raises(error), agenttrace_capture.tracer().start_run() as run, run.step("tool", "a"):
        raise error
    for name in ("execute_tool a", RUN_SPAN):
        span = agenttrace_capture.span(name)
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
        assert (span.attributes or {})[wire.ERROR_TYPE] == error_type
        assert span.events == ()


class ClientDisconnect(Exception):
    """As Starlette names it."""


class Cancelled(BaseException):
    """As trio names it."""


class OwnCancelledError(asyncio.CancelledError):
    """A framework's own kind of cancellation."""


CUT_SHORT = [
    asyncio.CancelledError(),
    concurrent.futures.CancelledError(),
    KeyboardInterrupt(),
    SystemExit(),
    SystemExit(0),
    ClientDisconnect(),
    Cancelled(),
    OwnCancelledError(),
    BaseExceptionGroup("", [KeyboardInterrupt(), BaseExceptionGroup("", [asyncio.CancelledError()])]),
]
FAILED = [
    Refusal(),
    SystemExit(3),
    TimeoutError(),
    ConnectionResetError(),
    BaseExceptionGroup("", [asyncio.CancelledError(), ValueError()]),
]


@pytest.mark.parametrize("error", [*CUT_SHORT, *FAILED], ids=repr)
@pytest.mark.parametrize("stated", [None, "success", "failure"])
def test_a_run_that_is_cut_short_is_partial(
    agenttrace_capture: Capture, error: BaseException, stated: StatusName | None
) -> None:
    """Cancelled, interrupted, left by its client; any other exception is a failure, and a stated status stands."""
    with suppress(BaseException), agenttrace_capture.tracer().start_run() as run:
        if stated:
            run.set_status(stated)
        raise error
    expected = stated or ("partial" if error in CUT_SHORT else "failure")
    assert (agenttrace_capture.span(RUN_SPAN).attributes or {})[wire.RUN_STATUS] == expected


@pytest.mark.parametrize(("stated", "expected"), [(None, "partial"), ("success", "success")])
def test_a_closed_generator_is_cut_short(
    agenttrace_capture: Capture, stated: StatusName | None, expected: str
) -> None:
    """A consumer that reads no further closes a stream: no error, and no end of the run either."""

    def stream() -> object:
        with agenttrace_capture.tracer().start_run() as run:
            if stated:
                run.set_status(stated)
            yield 1

    generator = stream()
    next(generator)  # type: ignore[call-overload]
    del generator
    span = agenttrace_capture.span(RUN_SPAN)
    assert (span.attributes or {})[wire.RUN_STATUS] == expected
    assert span.status.status_code is StatusCode.UNSET


def test_a_task_that_is_cancelled_is_partial(agenttrace_capture: Capture) -> None:
    """As servers cancel the task of a client that went away."""

    async def answer(entered: asyncio.Event) -> None:
        async with agenttrace_capture.tracer().start_run() as run, run.step("respond", "reply"):
            entered.set()
            await asyncio.Event().wait()

    async def serve() -> None:
        entered = asyncio.Event()
        task = asyncio.create_task(answer(entered))
        await entered.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(serve())
    assert (agenttrace_capture.span(RUN_SPAN).attributes or {})[wire.RUN_STATUS] == "partial"


@pytest.mark.parametrize("stated", [None, *RunStatus])
@pytest.mark.parametrize("raises", [True, False])
def test_status_is_stated_or_follows_the_exception(
    agenttrace_capture: Capture, stated: RunStatus | None, *, raises: bool
) -> None:
    """What is stated stands; an exception shows on the span all the same."""
    try:
        with agenttrace_capture.tracer().start_run() as run:
            if stated:
                run.set_status(stated)
            if raises:
                raise Refusal
    except Refusal:
        pass
    span = agenttrace_capture.span(RUN_SPAN)
    derived = RunStatus.FAILURE if raises else RunStatus.SUCCESS
    assert (span.attributes or {})[wire.RUN_STATUS] == (stated or derived)
    failed = raises or stated is RunStatus.FAILURE
    assert span.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)
