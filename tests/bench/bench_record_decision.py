"""What recording costs beside OpenTelemetry's own calls with the same attributes, in processor time of the thread."""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from agenttrace.tracer import AgentTracer, Run
from agenttrace_schemas import wire

_ROUNDS: Final = 150
_CALLS: Final = 50
METADATA: Final[Mapping[str, int | str]] = {"cached_age_seconds": 340, "region": "eu", "fresh": True}


class Cost(NamedTuple):
    """Microseconds per call of ours and of a bare one, and how often the bare one ours may cost."""

    ours: float
    bare: float
    allowed: float

    @property
    def ratio(self) -> float:
        """How many times the cost of the bare call."""
        return self.ours / self.bare


def measure(rounds: int = _ROUNDS) -> dict[str, Cost]:
    """Ours and bare in turns, so that what disturbs the machine disturbs both; medians."""
    bench = _Bench()
    pairs: dict[str, tuple[Callable[[], float], Callable[[], float], float]] = {
        "decision": (bench.decision, bench.event, 2.0),
        "decision of unseen labels": (bench.unseen, bench.event, 2.5),
        "run": (bench.run, bench.run_span, 1.7),
        "step": (bench.step, bench.step_span, 1.7),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in pairs}
    with _undisturbed():
        for _ in range(rounds):
            for name, (ours, bare, _allowed) in pairs.items():
                taken[name].append((ours(), bare()))
    return {
        name: Cost(
            statistics.median(ours for ours, _ in taken[name]),
            statistics.median(bare for _, bare in taken[name]),
            allowed,
        )
        for name, (_, _, allowed) in pairs.items()
    }


@contextmanager
def _undisturbed() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Bench:
    """The calls, each on spans of its own round."""

    def __init__(self) -> None:
        self._provider = TracerProvider()
        self._agent = AgentTracer("bench", "1.0", tracer_provider=self._provider)
        self._bare = self._provider.get_tracer("bare")
        self._numbers = itertools.count()
        with self._agent.start_run() as run:
            self._record(run, "web_search", "cache", METADATA)
            self._event = _attributes_of_event(run)
            with run.step("tool", "web_search") as step:
                pass
        self._run_attributes, self._step_attributes = (
            dict(each._frame.span.attributes)  # type: ignore[union-attr]  # a span of the SDK that has ended
            for each in (run, step)
        )

    def decision(self) -> float:
        """A full decision with metadata, of labels that came before."""
        with self._agent.start_run() as run:
            return _timed(lambda: self._record(run, "web_search", "cache", METADATA))

    def unseen(self) -> float:
        """The same, each of labels that never came before."""
        numbers = [next(self._numbers) for _ in range(_CALLS)]
        labels = iter([(f"web_{n}", f"cache_{n}", {**METADATA, "region": f"eu_{n}"}) for n in numbers])
        with self._agent.start_run() as run:
            return _timed(lambda: self._record(run, *next(labels)))

    def event(self) -> float:
        """A bare event with the attributes of a decision."""
        with self._agent.start_run() as run:
            assert run._frame is not None
            span, attributes = run._frame.span, self._event
            return _timed(lambda: span.add_event(wire.EVENT_DECISION, dict(attributes)))

    def run(self) -> float:
        """A run."""

        def once() -> None:
            with self._agent.start_run():
                pass

        return _timed(once)

    def run_span(self) -> float:
        """A bare span with the attributes of a run."""
        return _timed(lambda: self._span("invoke_agent bench", self._run_attributes))

    def step(self) -> float:
        """A step of a run."""
        with self._agent.start_run() as run:

            def once() -> None:
                with run.step("tool", "web_search"):
                    pass

            return _timed(once)

    def step_span(self) -> float:
        """A bare span with the attributes of a step, below a span."""
        with self._agent.start_run():
            return _timed(lambda: self._span("execute_tool web_search", self._step_attributes))

    @staticmethod
    def _record(run: Run, selected: str, other: str, metadata: Mapping[str, int | str]) -> None:
        run.record_decision(
            "tool_selection",
            selected,
            "fresh_data_required",
            candidates=(selected, other),
            confidence=0.8,
            metadata=metadata,
        )

    def _span(self, name: str, attributes: Mapping[str, Any]) -> None:
        with self._bare.start_as_current_span(
            name,
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ):
            pass


def _attributes_of_event(run: Run) -> dict[str, Any]:
    assert run._frame is not None
    span = run._frame.span
    assert isinstance(span, ReadableSpan)
    return dict(span.events[0].attributes or {})


def _timed(call: Callable[[], object]) -> float:
    """Microseconds of the processor per call."""
    started = time.thread_time_ns()
    for _ in range(_CALLS):
        call()
    return (time.thread_time_ns() - started) / _CALLS / 1000


def main() -> None:
    """Print all of them and their ratios."""
    for name, cost in measure().items():
        print(
            f"{name:26} {cost.ours:6.2f} us, bare {cost.bare:6.2f} us, ratio {cost.ratio:5.2f} (at most {cost.allowed})"
        )


if __name__ == "__main__":
    main()
