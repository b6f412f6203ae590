"""Providers of other libraries are kept as they are, and get our processor once, however they wrap."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import use_span

import agenttrace
from agenttrace.capture import Capture, capture
from agenttrace.identity import IdentityMap
from agenttrace.settings import Settings
from agenttrace_schemas import wire
from tests.support.python_process import run as run_script


class Counting(TracerProvider):
    """The SDK's provider, which tells how many processors it was given."""

    def __init__(self) -> None:
        super().__init__(shutdown_on_exit=False)
        self.added: list[SpanProcessor] = []
        self.exported = InMemorySpanExporter()
        super().add_span_processor(SimpleSpanProcessor(self.exported))

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Count and add."""
        self.added.append(span_processor)
        super().add_span_processor(span_processor)


@dataclass
class Proxy(trace.TracerProvider):
    """As Logfire's: compared by value, so without a hash; what it stands for may be replaced."""

    provider: trace.TracerProvider
    lock: Any = field(default_factory=threading.Lock)

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        """A tracer of the real provider."""
        return self.provider.get_tracer(*args, **kwargs)

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Hand it on where that is possible."""
        with self.lock:
            if isinstance(self.provider, TracerProvider):
                self.provider.add_span_processor(span_processor)


class Slotted(trace.TracerProvider):
    """Neither weak references nor span processors."""

    __slots__ = ()

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        """One that records nothing."""
        return trace.NoOpTracer()


def stamped(provider: trace.TracerProvider, exported: InMemorySpanExporter) -> object:
    """The run that a framework's span inside of a run carries."""
    exported.clear()
    with (
        agenttrace.AgentTracer("desk", tracer_provider=provider).start_run() as run,
        provider.get_tracer("framework").start_as_current_span("chat"),
    ):
        agenttrace.record_decision("tool_selection", "web", "cost_optimization")
    chat = next(span for span in exported.get_finished_spans() if span.name == "chat")
    assert len(chat.events) == 1
    return (chat.attributes or {}).get(wire.RUN_ID) == run.id


def test_a_proxy_that_cannot_be_hashed_is_kept() -> None:
    """Each real provider gets one processor, whatever stands before it and however often we are called."""
    with capture():
        for wrap in (lambda real: real, Proxy, lambda real: Proxy(Proxy(real))):
            real = Counting()
            proxy = wrap(real)
            for version in ("1", "2"):
                assert agenttrace.configure("desk", version, tracer_provider=proxy) is proxy
            assert len(real.added) == 1
            assert stamped(proxy, real.exported)
            real.get_tracer("framework").start_span("outside").end()
            (*_, outside) = real.exported.get_finished_spans()
            assert (outside.attributes or {})[wire.AGENT_VERSION] == "2"


def test_a_proxy_that_is_set_later_is_followed() -> None:
    """Logfire makes a provider at each `configure`: before ours, after it, and twice."""
    with capture():
        proxy = Proxy(trace.NoOpTracerProvider())
        agenttrace.configure("desk", tracer_provider=proxy)
        for _ in range(2):
            proxy.provider = real = Counting()
            assert stamped(proxy, real.exported)
            assert stamped(proxy, real.exported)
            assert len(real.added) == 1


def test_a_provider_without_processors_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing crashes; that spans of others are not stamped is said."""
    with capture():
        provider: trace.TracerProvider = Slotted()
        assert agenttrace.configure("desk", tracer_provider=provider) is provider
        with agenttrace.AgentTracer("desk", tracer_provider=provider).start_run():
            pass
    assert "takes no span processors" in caplog.text


EARLY = """
from opentelemetry import trace
early = trace.get_tracer_provider()
import agenttrace
from opentelemetry.sdk.trace import TracerProvider
if {sets_one}:
    trace.set_tracer_provider(TracerProvider())
made = agenttrace.configure("desk", tracer_provider=early)
assert made is trace.get_tracer_provider() is agenttrace.configure("desk", tracer_provider=early)
with agenttrace.AgentTracer("desk", tracer_provider=early).start_run() as run:
    run.record_decision("tool_selection", "web", "cost_optimization")
print(dict(agenttrace.counters().recorded))
"""


@pytest.mark.parametrize("sets_one", [True, False])
def test_the_proxy_of_the_api_stands_for_what_is_set(*, sets_one: bool) -> None:
    """It is often kept from before a provider was set."""
    printed = run_script("-c", EARLY.format(sets_one=sets_one), OTEL_TRACES_EXPORTER="none")
    assert printed.strip() == "{'agenttrace.decision': 1}"


LOGS = """
from opentelemetry import _logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
class Proxy(_logs.LoggerProvider):
    __hash__ = None
    def get_logger(self, *args, **kwargs):
        return real.get_logger(*args, **kwargs)
real, records = LoggerProvider(), InMemoryLogRecordExporter()
real.add_log_record_processor(SimpleLogRecordProcessor(records))
_logs.set_logger_provider(Proxy())
import agenttrace
agenttrace.configure("desk", events="log")
with agenttrace.AgentTracer("desk").start_run() as run:
    run.record_decision("tool_selection", "web", "cost_optimization")
print(len(records.get_finished_logs()))
"""


def test_a_logger_provider_of_others_is_kept_too() -> None:
    """Logfire sets one of its own, which is not the SDK's class."""
    assert run_script("-c", LOGS, OTEL_TRACES_EXPORTER="none").strip() == "1"


def test_an_event_does_not_go_to_a_provider_that_we_do_not_export() -> None:
    """A library that was set up after us has a provider of its own: its spans never reach our exporter."""
    ours, theirs = Counting(), Counting()
    with capture(Settings()):
        agenttrace.configure("desk", tracer_provider=ours)
        with (
            agenttrace.AgentTracer("desk", tracer_provider=ours).start_run() as run,
            theirs.get_tracer("logfire").start_as_current_span("theirs"),
        ):
            agenttrace.record_decision("tool_selection", "web", "cost_optimization")
            run.record_decision("tool_selection", "web", "cost_optimization")
    (own,) = ours.exported.get_finished_spans()
    (their,) = theirs.exported.get_finished_spans()
    assert (len(own.events), len(their.events)) == (2, 0)


class Unhashable:
    """A span of a library that wraps the SDK's and compares by value."""

    def __init__(self, span: trace.Span) -> None:
        self.span = span

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unhashable) and other.span is self.span

    __hash__ = None  # type: ignore[assignment]  # that is the point

    def __getattr__(self, name: str) -> Any:
        return getattr(self.span, name)


def test_a_span_that_cannot_be_hashed_takes_events(agenttrace_capture: Capture) -> None:
    """All of them, beyond the limit of one span too."""
    trace.Span.register(Unhashable)
    tracer = agenttrace_capture.tracer_provider.get_tracer("framework")
    with agenttrace_capture.tracer().start_run():
        span = Unhashable(tracer.start_span("chat"))
        with use_span(span, end_on_exit=True):  # type: ignore[arg-type]  # it is registered
            for _ in range(120):
                agenttrace.record_decision("tool_selection", "web", "cost_optimization")
    assert len(agenttrace_capture.events()) == 120
    assert agenttrace_capture.counters().overflowed == 20


def test_an_identity_map_forgets_what_is_gone() -> None:
    """Equal objects are two; what cannot be referenced weakly is not remembered."""
    values: IdentityMap[Any, int] = IdentityMap()
    one, two = Proxy(Slotted()), Proxy(Slotted())
    two.lock = one.lock
    two.provider = one.provider
    assert one == two
    assert (values.setdefault(one, 1), values.setdefault(two, 2), values.setdefault(one, 3)) == (1, 2, 1)
    del one
    assert values.items() == [(two, 2)]
    assert (values.setdefault(Slotted(), 4), values.items()) == (4, [(two, 2)])
