"""Small applications as people write them: every event on its step, nothing lost, nothing in the host's log.

Each event says in its metadata where it belongs: `at` is the name of its step, or of the agent for its run.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from contextvars import copy_context
from typing import Any, Final

import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

import agenttrace
from agenttrace import AgentTracer, Run, Step
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings
from agenttrace_schemas import wire

tracer: Final = AgentTracer("desk", "1.0")
AT: Final = wire.METADATA_PREFIX + "at"


def observe(at: str, on: Run | Step | None = None) -> None:
    """Record what the application observed, on this run or step or on whatever is current."""
    (on or agenttrace).record_quality_signal("tool_success", "first_attempt", value=True, metadata={"at": at})


@agenttrace.tool
def look_up(at: str = "look_up") -> str:
    """A tool as a function."""
    observe(at)
    return "found"


def threads_each_with_a_run() -> int:
    """A web server without a framework."""

    @tracer.run
    def handle(_: int) -> None:
        observe("desk")
        look_up()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(handle, range(8)))
    return 16


def threads_of_one_run() -> int:
    """The run is handed over; the context is not."""
    with tracer.start_run() as run, ThreadPoolExecutor(3) as pool:

        def fetch(name: str) -> None:
            with run.step("tool", name):
                observe(name, run)
                observe(name)

        list(pool.map(fetch, ["a", "b", "c", "d"]))
    return 8


def threads_with_a_copied_context() -> int:
    """As asyncio.to_thread does it."""
    with tracer.start_run(), agenttrace.step("plan", "outline"), ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            pool.submit(copy_context().run, observe, "outline").result()
    return 3


def a_queue_and_a_worker() -> int:
    """The step goes with the job."""
    jobs: queue.Queue[Step | None] = queue.Queue()

    def work() -> None:
        while (step := jobs.get()) is not None:
            observe("enqueue", step)
            step.end()

    worker = threading.Thread(target=work)
    with tracer.start_run() as run:
        worker.start()
        for _ in range(3):
            jobs.put(copy_context().run(run.step("tool", "enqueue").start))
        jobs.put(None)
        worker.join()
    return 3


def callbacks_of_a_framework() -> int:
    """on_start and on_end, with ids between them."""
    open_steps: dict[str, Step] = {}

    def on_start(key: str, run: Run) -> None:
        open_steps[key] = run.step("tool", key).start()

    def on_end(key: str, error: Exception | None = None) -> None:
        observe(key, open_steps[key])
        open_steps.pop(key).end(error)

    with tracer.start_run() as run:
        on_start("a", run)
        on_start("b", run)
        on_end("a")
        on_end("b", ValueError("said"))
        observe("desk")
    return 3


def a_notebook_whose_cells_run_twice() -> int:
    """A run that is started again before it was ended."""
    for _ in range(2):
        notebook = AgentTracer("desk")
        run = notebook.start_run().start()
        step = run.step("tool", "cell").start()
        observe("cell")
        step.end()
        observe("desk")
        run.end()
        run.end()
    return 4


def retries() -> int:
    """As tenacity does it: the same function again, each time a step."""

    def retrying(function: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(function)
        def call(*args: Any) -> str:
            while True:
                with suppress(TimeoutError):
                    return function(*args)

        return call

    attempts = iter((True, True, False))

    @retrying
    @agenttrace.step("tool")
    def fetch() -> str:
        observe("fetch")
        if next(attempts):
            raise TimeoutError
        return "done"

    with tracer.start_run():
        assert fetch() == "done"
        observe("desk")
    return 4


def nested_agents() -> int:
    """An agent as a tool of another."""
    helper = AgentTracer("helper")

    @helper.run
    def help_out() -> None:
        observe("helper")
        look_up()

    @agenttrace.tool
    def delegate() -> None:
        observe("delegate")
        help_out()
        observe("delegate")

    with tracer.start_run():
        delegate()
        observe("desk")
    return 5


def an_exit_stack() -> int:
    """Steps that are left together."""
    with ExitStack() as stack:
        run = stack.enter_context(tracer.start_run())
        for name in ("a", "b", "c"):
            stack.enter_context(run.step("tool", name))
            observe(name)
        observe("c")
    return 4


def an_own_context_manager() -> int:
    """An application's wrapper around ours."""

    @contextmanager
    def working(name: str) -> Iterator[Step]:
        with agenttrace.step("tool", name) as step:
            yield step

    with tracer.start_run(), working("wrapped") as step:
        observe("wrapped")
        observe("wrapped", step)
    return 2


def a_pipeline_of_generators() -> int:
    """Each stage is a step while it runs."""

    @agenttrace.step("retrieve")
    def documents() -> Iterator[int]:
        for number in range(3):
            observe("documents")
            yield number

    @agenttrace.step("plan")
    def ranked(numbers: Iterator[int]) -> Iterator[int]:
        for number in numbers:
            observe("ranked")
            yield number

    with tracer.start_run():
        for _ in ranked(documents()):
            observe("desk")
    return 9


def a_generator_that_is_not_read_to_its_end() -> int:
    """The consumer stops."""

    @tracer.run
    def words() -> Iterator[int]:
        try:
            for number in range(10):
                observe("desk")
                yield number
        finally:
            observe("desk")

    for number in words():
        if number == 1:
            break
    return 3


def recursion() -> int:
    """A step within a step of the same name."""

    @agenttrace.step("plan")
    def split(depth: int) -> None:
        observe("split")
        if depth:
            split(depth - 1)
            split(depth - 1)

    with tracer.start_run():
        split(3)
    return 15


def an_error_that_is_handled() -> int:
    """What is recorded in the handler is outside of the step that failed."""
    with tracer.start_run():
        try:
            with agenttrace.step("tool", "fails"):
                observe("fails")
                message = "said"
                raise KeyError(message)
        except KeyError:
            observe("desk")
    return 2


SYNC: Final = (
    threads_each_with_a_run,
    threads_of_one_run,
    threads_with_a_copied_context,
    a_queue_and_a_worker,
    callbacks_of_a_framework,
    a_notebook_whose_cells_run_twice,
    retries,
    nested_agents,
    an_exit_stack,
    an_own_context_manager,
    a_pipeline_of_generators,
    a_generator_that_is_not_read_to_its_end,
    recursion,
    an_error_that_is_handled,
)


async def tasks_of_one_run() -> int:
    """Gather."""

    @agenttrace.step("tool")
    async def fetch() -> None:
        await asyncio.sleep(0)
        observe("fetch")

    async with tracer.start_run():
        await asyncio.gather(*(fetch() for _ in range(5)))
        observe("desk")
    return 6


async def a_task_group_with_a_failure() -> int:
    """The others are cancelled, and say so on their own steps."""

    async def fetch(name: str, fails: bool) -> None:  # noqa: FBT001 - an application's
        async with agenttrace.step("tool", name):
            try:
                await asyncio.sleep(0)
                if fails:
                    raise ConnectionError
                await asyncio.Event().wait()
            finally:
                observe(name)

    with suppress(BaseExceptionGroup):
        async with tracer.start_run(), asyncio.TaskGroup() as group:
            for name in ("a", "b", "c"):
                group.create_task(fetch(name, fails=name == "b"))
    return 3


async def runs_side_by_side() -> int:
    """Two conversations at once in one loop."""

    @tracer.run
    async def answer() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            observe("desk")

    await asyncio.gather(answer(), answer())
    return 6


async def a_timeout() -> int:
    """A tool that takes too long."""
    async with tracer.start_run():
        with suppress(TimeoutError):
            async with asyncio.timeout(0), agenttrace.step("tool", "slow"):
                try:
                    await asyncio.Event().wait()
                finally:
                    observe("slow")
        observe("desk")
    return 2


async def a_background_task_that_outlives_its_run() -> int:
    """It keeps the run; its steps are steps of that run."""
    go_on = asyncio.Event()

    async def later() -> None:
        await go_on.wait()
        with agenttrace.step("tool", "later"):
            observe("later")

    async with tracer.start_run():
        task = asyncio.create_task(later())
        observe("desk")
    go_on.set()
    await task
    return 2


async def a_call_in_a_thread() -> int:
    """asyncio.to_thread copies the context."""
    async with tracer.start_run(), agenttrace.step("plan", "outline"):
        await asyncio.to_thread(observe, "outline")
        await asyncio.to_thread(look_up)
    return 2


async def callbacks_of_the_loop() -> int:
    """call_soon copies the context too."""
    done = asyncio.Event()
    async with tracer.start_run(), agenttrace.step("tool", "scheduled"):
        asyncio.get_running_loop().call_soon(observe, "scheduled")
        asyncio.get_running_loop().call_soon(done.set)
        await done.wait()
    return 1


async def streams_that_are_mixed() -> int:
    """Two async generators, read in turns."""

    @agenttrace.step("respond")
    async def words() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            observe("words")
            yield number

    async with tracer.start_run():
        first, second = words(), words()
        for _ in range(3):
            await anext(first)
            observe("desk")
            await anext(second)
        assert [each async for each in first] == [each async for each in second] == []
    return 9


async def an_async_context_manager() -> int:
    """An application's wrapper around ours."""

    @asynccontextmanager
    async def working() -> AsyncIterator[Step]:
        async with agenttrace.step("tool", "wrapped") as step:
            yield step

    async with tracer.start_run(), working():
        observe("wrapped")
    return 1


def application() -> FastAPI:
    """Routes as they are written."""
    app = FastAPI()

    @app.get("/async")
    @tracer.run
    async def answer() -> str:
        await asyncio.sleep(0)
        observe("desk")
        return look_up()

    @app.get("/sync")
    @tracer.run
    def in_a_pool() -> str:
        observe("desk")
        return look_up()

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> str:
        with tracer.start_run() as run:
            tasks.add_task(observe, "desk", run)
            observe("desk")
        return "later"

    @app.get("/stream-sync")
    def stream_sync() -> StreamingResponse:
        @tracer.run
        def words() -> Iterator[str]:
            for _ in range(3):
                observe("desk")
                yield look_up()

        return StreamingResponse(words())

    @app.get("/stream-async")
    async def stream_async() -> StreamingResponse:
        @tracer.run
        async def words() -> AsyncIterator[str]:
            async with agenttrace.step("respond", "reply"):
                for _ in range(3):
                    await asyncio.sleep(0)
                    observe("reply")
                    yield "word"

        return StreamingResponse(words())

    return app


async def requests(path: str, times: int, events: int) -> int:
    """So many requests at once to one route."""
    transport = httpx.ASGITransport(app=application())
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        answers = await asyncio.gather(*(client.get(path) for _ in range(times)))
    assert {answer.status_code for answer in answers} == {200}
    return times * events


ROUTES: Final = (("/async", 2), ("/sync", 2), ("/background", 2), ("/stream-sync", 6), ("/stream-async", 3))
ASYNC: Final[dict[str, Callable[[], Awaitable[int]]]] = {
    **{
        each.__name__: each
        for each in (
            tasks_of_one_run,
            a_task_group_with_a_failure,
            runs_side_by_side,
            a_timeout,
            a_background_task_that_outlives_its_run,
            a_call_in_a_thread,
            callbacks_of_the_loop,
            streams_that_are_mixed,
            an_async_context_manager,
        )
    },
    **{
        f"{path} {times}": functools.partial(requests, path, times, events)
        for path, events in ROUTES
        for times in (1, 6)
    },
}


def every_event_is_where_it_belongs(captured: Capture, events: int) -> None:
    """On the span of its step, or on that of the agent's run; one of a step that has ended stands beside it."""
    found = captured.events()
    names = {
        (span.attributes or {})[wire.STEP_ID]: (span.attributes or {}).get(
            wire.STEP_NAME, (span.attributes or {})[wire.AGENT_ID]
        )
        for span in captured.spans
        if span.name != wire.EVENTS_SPAN
    }
    placed = [
        (event.attributes[AT] if event.attributes else None, names[(span.attributes or {})[wire.STEP_ID]])
        for span in captured.spans
        for event in span.events
    ]
    assert len(found) == len(placed) == events
    assert [pair for pair in placed if pair[0] != pair[1]] == []
    assert captured.counters().refused == {}
    assert sum(captured.counters().recorded.values()) == events


@pytest.mark.parametrize("app", SYNC, ids=lambda app: app.__name__)
def test_a_synchronous_application(app: Callable[[], int], caplog: pytest.LogCaptureFixture) -> None:
    """And what is current afterwards is what was before."""
    with capture(Settings()) as captured, caplog.at_level(logging.DEBUG):
        events = app()
        assert agenttrace.current_run() is None
        every_event_is_where_it_belongs(captured, events)
    assert caplog.records == []


@pytest.mark.parametrize("app", ASYNC)
def test_an_asynchronous_application(app: str, caplog: pytest.LogCaptureFixture) -> None:
    """The same; asyncio and httpx tell of themselves below warnings."""

    async def served() -> int:
        events = await ASYNC[app]()
        assert agenttrace.current_run() is None
        return events

    with capture(Settings()) as captured, caplog.at_level(logging.WARNING):
        every_event_is_where_it_belongs(captured, asyncio.run(served()))
    assert caplog.records == []
