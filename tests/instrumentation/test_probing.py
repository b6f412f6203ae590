"""Every public call with every kind of wrong argument: nothing is raised, and no value is in a log, a span or a record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NoReturn

import pytest
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

import agenttrace
from agenttrace import AgentTracer, Step
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings

SAID: Final = "CANARY said the user; please, do it now!"


class Hostile:
    """An object that fails in whatever way it is looked at, and tells what was said."""

    def _fail(self, *_: object) -> NoReturn:
        raise RuntimeError(SAID)

    __str__ = __repr__ = __len__ = __iter__ = __float__ = __int__ = __index__ = __bool__ = _fail
    __contains__ = __getitem__ = __enter__ = __call__ = __lt__ = _fail

    def __hash__(self) -> int:
        return self._fail()

    def __eq__(self, other: object) -> bool:
        return self._fail()


WRONG: Final[tuple[Any, ...]] = (
    *(SAID, "", "\ud800", "x" * 100_000, None, 7, -1, 1e400, float("nan"), True, b"CANARY"),
    *([SAID], [[SAID]], {SAID: SAID}, {"prompt": SAID}, {1: 1}, (), object(), Hostile(), Hostile),
)
DECISION: Final = ("tool_selection", "web", "cost_optimization")
SIGNAL: Final = ("tool_success", "first_attempt", True)


def replaced(arguments: tuple[Any, ...], wrong: Any) -> Iterator[tuple[Any, ...]]:
    """The arguments with each of them in turn as wrong as that."""
    for place in range(len(arguments)):
        yield (*arguments[:place], wrong, *arguments[place + 1 :])


def calls(captured: Capture, wrong: Any) -> Iterator[Callable[[], object]]:
    """Every call of the package with one wrong argument."""
    run, step = captured.tracer().start_run(), Step(None, "tool", "orders", {})
    with run, step:
        for on in (run, step, agenttrace):
            yield from recording(on, wrong)
        for stated in replaced((run.id, "failure", "tool", "timeout"), wrong):
            yield partial(agenttrace.record_outcome, *stated)
        yield partial(agenttrace.record_evaluation, "tone", 0.5, run_id=wrong)
        for name in (
            "model",
            "input_tokens",
            "finish_reason",
            "output_type",
            "stream",
            "decision",
            "unknown",
        ):
            yield partial(step.set, **{name: wrong})
            yield partial(entered, partial(run.step, "tool", "orders", **{name: wrong}))
        yield partial(entered, partial(run.step, wrong, wrong))
        yield partial(entered, partial(agenttrace.step, wrong, "orders"))
        yield partial(entered, partial(run.decision, wrong, wrong, wrong))
        yield partial(step.set_error, wrong)
        yield partial(run.set_status, wrong)
        yield partial(run.add_metadata, wrong)
        yield partial(step.add_metadata, a=wrong)
        yield partial(entered, partial(captured.tracer().start_run, run_id=wrong, conversation_id=wrong))
        yield partial(AgentTracer, wrong, wrong, environment=wrong, tracer_provider=captured.tracer_provider)
        yield run.start
    yield from (
        step.end,
        run.end,
        run.start,
        partial(step.set, attempt=1),
        partial(run.set_status, "success"),
    )


def recording(on: Any, wrong: Any) -> Iterator[Callable[[], object]]:
    """What records on a run, a step or whatever is current."""
    for stated in replaced((*DECISION, ["web"], 0.5, "s", {"a": 1}), wrong):
        yield partial(on.record_decision, *stated)
    for stated in replaced((*SIGNAL, 0.5, "s", {"a": 1}), wrong):
        yield partial(on.record_quality_signal, *stated)
    for stated in replaced(("tool", "timeout", "words", "s"), wrong):
        yield partial(on.record_failure, *stated)
    for stated in replaced(("tone", 0.5, "pass"), wrong):
        yield partial(on.record_evaluation, *stated)
    for name in ("tool_name", "wait_ms", "candidates", "metadata", "step_id", "unknown"):
        yield partial(on.record_decision, *DECISION, **{name: wrong})


def entered(make: Callable[[], Any]) -> None:
    """Make it, and enter its block."""
    with make():
        pass


def test_nothing_is_raised_and_nothing_said_is_told(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without STRICT; what follows is recorded as if nothing had been."""
    made = 0
    with capture(Settings(events="both")) as captured, caplog.at_level(logging.DEBUG):
        for wrong in WRONG:
            for call in calls(captured, wrong):
                call()
                made += 1
        with captured.tracer("after").start_run() as run:
            assert run.record_decision(*DECISION)
        captured.clear()
        with captured.tracer("after").start_run() as run:
            assert run.record_decision(*DECISION)
        assert [event.span for event in captured.events()] == ["invoke_agent after"]
        sent = (
            encode_spans(captured.spans).SerializeToString() + encode_logs(captured.logs).SerializeToString()
        )
        assert b"CANARY" not in sent
        assert captured.counters().refused.get("internal", 0) < made / 10
    assert made > 90 * len(WRONG)
    assert "CANARY" not in caplog.text + "".join(capfd.readouterr())
