"""Small applications as people write them; each returns how many events it has recorded.

Each event says in its metadata where it belongs: `at` is the name of its step, or of the agent for its run.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from contextvars import copy_context
from typing import Any, Final

import agenttrace
from agenttrace import AgentTracer, Run, Step
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
