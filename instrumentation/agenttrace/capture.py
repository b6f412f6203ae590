"""An OpenTelemetry pipeline in memory, with ids and a clock that repeat from run to run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from opentelemetry._logs import get_logger
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.util.types import AnyValue

from agenttrace.counts import Counts
from agenttrace.processor import RunSpanProcessor
from agenttrace.runtime import SCOPE_NAME, Runtime, activate, active
from agenttrace.settings import Settings, Stated
from agenttrace.tracer import AgentTracer
from agenttrace_schemas import wire

_START = 1_700_000_000_000_000_000
_TICK = 1_000_000


class FixedClock:
    """Nanoseconds since 1970 that go on by a millisecond each time they are asked."""

    def __init__(self, start: int = _START) -> None:
        self._times = itertools.count(start, _TICK)

    def __call__(self) -> int:
        """The next time."""
        return next(self._times)


class FixedIds(IdGenerator):
    """Ids that count from one: of traces and spans, and as UUIDs of runs, steps and events."""

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)
        self._uuids = itertools.count(1)

    def generate_trace_id(self) -> int:
        """The next trace id."""
        return next(self._traces)

    def generate_span_id(self) -> int:
        """The next span id."""
        return next(self._spans)

    def new_id(self) -> str:
        """The next UUID."""
        return f"00000000-0000-4000-8000-{next(self._uuids):012x}"


class Captured(NamedTuple):
    """A typed event as it left, with the name of its span, or empty for a log record."""

    name: str
    attributes: Mapping[str, AnyValue]
    time: int
    span: str


@dataclass(frozen=True)
class Capture:
    """What left the process so far."""

    tracer_provider: TracerProvider
    logger_provider: LoggerProvider
    _spans: InMemorySpanExporter
    _logs: InMemoryLogRecordExporter
    runtime: Runtime = field(default_factory=active)

    def tracer(self, agent_id: str = "agent", agent_version: str = "1.0") -> AgentTracer:
        """A tracer whose spans are captured."""
        return AgentTracer(agent_id, agent_version, tracer_provider=self.tracer_provider)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that ended, in that order."""
        return self._spans.get_finished_spans()

    @property
    def logs(self) -> tuple[ReadableLogRecord, ...]:
        """The log records."""
        return tuple(self._logs.get_finished_logs())

    def span(self, name: str) -> ReadableSpan:
        """The one span of this name; raises `LookupError` where there is none, or several."""
        found = [span for span in self.spans if span.name == name]
        if len(found) != 1:
            message = f"{len(found)} spans of that name have ended"
            raise LookupError(message)
        return found[0]

    def events(self, name: str | None = None) -> list[Captured]:
        """The typed events on spans that ended, of one name or all, in the order of their times."""
        found = [
            Captured(event.name, event.attributes or {}, event.timestamp, span.name)
            for span in self.spans
            for event in span.events
        ]
        return _typed(found, name)

    def log_events(self, name: str | None = None) -> list[Captured]:
        """The typed events that left as log records, of one name or all, in the order of their times."""
        records = [log.log_record for log in self.logs]
        found = [
            Captured(record.event_name or "", record.attributes or {}, record.timestamp or 0, "")
            for record in records
        ]
        return _typed(found, name)

    def counters(self) -> Counts:
        """What this capture counted."""
        return self.runtime.counters.snapshot()

    def clear(self) -> None:
        """Forget what left so far."""
        self._spans.clear()
        self._logs.clear()


def _typed(found: list[Captured], name: str | None) -> list[Captured]:
    names = wire.EVENT_NAMES if name is None else {name}
    return sorted((event for event in found if event.name in names), key=lambda event: event.time)


@contextmanager
def capture(settings: Settings | None = None, *, sampler: Sampler = ALWAYS_ON) -> Iterator[Capture]:
    """Record into memory under these settings; by default strict, so that a refusal raises.

    `settings` are those of the block, in place of the process's own. `sampler` is that of the spans, by default every
    one. A tracer that was made before the block, such as one of a module, records here inside of it; so does one
    that is made inside without a provider of its own.
    """
    before, ids = active(), FixedIds()
    spans = InMemorySpanExporter()
    logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's constructor has no types
    tracer_provider = TracerProvider(sampler=sampler, id_generator=ids, shutdown_on_exit=False)
    tracer_provider.add_span_processor(RunSpanProcessor())
    tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    logger_provider = LoggerProvider(shutdown_on_exit=False)
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
    runtime = Runtime(
        settings or replace(Settings(), strict=True),
        now=FixedClock(),
        new_id=ids.new_id,
        logger=get_logger(SCOPE_NAME, logger_provider=logger_provider),
        stated=Stated(tracer_provider=tracer_provider),
        capturing=tracer_provider,
    )
    activate(runtime)
    try:
        yield Capture(tracer_provider, logger_provider, spans, logs, runtime)
    finally:
        activate(before)
        tracer_provider.shutdown()
        logger_provider.shutdown()
