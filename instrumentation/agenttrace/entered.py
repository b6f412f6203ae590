"""A span of ours that is current between enter and exit, for `with` and `async with` alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextvars import Token
from types import TracebackType
from typing import Self

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import Span, StatusCode

from agenttrace.attributes import Metadata, metadata_attributes
from agenttrace.guard import Misuse, guarded
from agenttrace.runtime import Runtime, active
from agenttrace.scope import Frame, within
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Scalar


class Entered(ABC):
    """What a run and a step have in common; exceptions pass through and leave only their class."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._token: Token[Context] | None = None
        self._metadata: dict[str, Scalar | None] = {}

    @abstractmethod
    def _start(self, runtime: Runtime) -> Frame | None:
        """Start the span; None where there is nothing to record in."""

    @abstractmethod
    def _finish(self, span: Span, *, failed: bool) -> None:
        """Say on the span how it ended."""

    def add_metadata(self, metadata: Metadata | None = None, /, **values: Scalar | None) -> None:
        """Add numbers, flags and labels by key: `add_metadata(shard=3)`, `add_metadata({"a.b": 1})`."""
        self._add_metadata({**(metadata or {}), **values})

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(kind)

    async def __aenter__(self) -> Self:
        self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(kind)

    @guarded
    def _open(self) -> None:
        runtime = active()
        if not runtime.settings.enabled:
            return
        if self._frame is not None:
            message = "a run or a step is entered once"
            raise Misuse(message)
        self._frame = self._start(runtime)
        if self._frame is not None:
            self._token = attach(within(self._frame, get_current()))

    @guarded
    def _close(self, kind: type[BaseException] | None) -> None:
        frame, token, self._token = self._frame, self._token, None
        if frame is None or token is None:
            return
        detach(token)
        runtime = active()
        # A closed generator is how streaming ends, not a failure of it.
        failed = kind is not None and not issubclass(kind, GeneratorExit)
        if kind is not None and failed:
            mark_error(frame.span, runtime.name(class_name(kind)))
        self._finish(frame.span, failed=failed)
        ended = runtime.now()
        frame.events.close(ended)
        frame.span.end(ended)

    @guarded
    def _add_metadata(self, metadata: Metadata) -> None:
        if frame := self._entered():
            merged = {**self._metadata, **metadata}
            attributes = metadata_attributes(active().settings.policy, merged)
            self._metadata = merged
            frame.span.set_attributes(attributes)

    def _entered(self) -> Frame | None:
        """The frame, None where everything is switched off; raises `Misuse` outside of `with`."""
        if self._frame is None and active().settings.enabled:
            message = "runs and steps record from the moment they are entered: `with tracer.start_run()`"
            raise Misuse(message)
        return self._frame


def mark_error(span: Span, error_type: str) -> None:
    """Error status and error type; never a description, which could repeat what was said."""
    span.set_attribute(wire.ERROR_TYPE, error_type)
    span.set_status(StatusCode.ERROR)


def class_name(kind: type[BaseException]) -> str:
    """An exception's class with its module, as OpenTelemetry writes error types."""
    name = kind.__qualname__.replace("<locals>.", "")
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"
