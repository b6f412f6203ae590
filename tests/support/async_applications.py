"""Small asynchronous applications, routes of FastAPI among them; each returns how many events it has recorded."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import httpx
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

import agenttrace
from agenttrace import Step
from tests.support.applications import look_up, observe, tracer


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
