"""Which implementation decodes requests of traces and logs: Python's, or the compiled one with Python's behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from agenttrace_collector.config.decode import DecodeEngine
from agenttrace_collector.decode.batch import Batch, Context, Unread
from agenttrace_collector.decode.compiled import EngineCounts, wanted_native
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.decode.outgoing import Outgoing
from agenttrace_collector.telemetry.metrics import Sample
from agenttrace_schemas.rules import Policy

# Requests that are decoded so soon that the event loop may wait for it; all handed back to Python, those of the
# compiled engine take twice as long as its own.
PYTHON_INLINE_BYTES: Final = 16 * 1024
_INLINE_BYTES: Final = {"python": PYTHON_INLINE_BYTES, "native": 2 * PYTHON_INLINE_BYTES}


class Engine(Protocol):
    """Protobuf bytes of a signal to a batch; every engine gives the same batch, and the same copy, for the same bytes."""

    @property
    def name(self) -> str:
        """The value of `decode.engine` that asks for it."""

    @property
    def counts(self) -> EngineCounts:
        """What was left to Python since the start."""

    def traces(
        self, body: bytes, context: Context, unread: Unread = (), outgoing: Outgoing | None = None, /
    ) -> Batch:
        """The batch of one ExportTraceServiceRequest; raises `Rejected` where the bytes are not one."""

    def logs(
        self, body: bytes, context: Context, unread: Unread = (), outgoing: Outgoing | None = None, /
    ) -> Batch:
        """The batch of one ExportLogsServiceRequest; raises `Rejected` where the bytes are not one."""


class PythonEngine:
    """The reference: whatever another engine does not treat, it does."""

    name: str = "python"

    def __init__(self) -> None:
        self.counts = EngineCounts()

    def traces(
        self, body: bytes, context: Context, unread: Unread = (), outgoing: Outgoing | None = None, /
    ) -> Batch:
        """The batch of one ExportTraceServiceRequest; raises `Rejected` where the bytes are not one."""
        return decode_traces(body, context, unread, outgoing)

    def logs(
        self, body: bytes, context: Context, unread: Unread = (), outgoing: Outgoing | None = None, /
    ) -> Batch:
        """The batch of one ExportLogsServiceRequest; raises `Rejected` where the bytes are not one."""
        return decode_logs(body, context, unread, outgoing)


def open_engine(wanted: DecodeEngine, policy: Policy) -> Engine:
    """The engine that the configuration asks for; raises `ConfigError` where it asks for one that is not there."""
    native = wanted_native(wanted, lambda: NativeEngine(policy), work="requests are decoded")
    return native or PythonEngine()


def inline_bytes(engine: Engine) -> int:
    """Up to which size a request is decoded on the event loop: a hop to a thread costs more than it spares."""
    return _INLINE_BYTES[engine.name]


def engine_state(engine: Engine) -> Mapping[str, object]:
    """What health says of an engine."""
    counts = engine.counts
    return {
        "engine": engine.name,
        "handed_back_spans": counts.handed_back,
        "declined_requests": counts.declined,
    }


def engine_readings(engine: Engine) -> Iterator[Sample]:
    """What the metrics say of an engine."""
    yield Sample("agenttrace_decode_engine", 1, {"engine": engine.name})
    yield Sample("agenttrace_decode_handed_back_spans", engine.counts.handed_back)
    yield Sample("agenttrace_decode_declined_requests", engine.counts.declined)
