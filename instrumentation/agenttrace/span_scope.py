"""A span of ours that is current between enter and exit, for `with` and `async with` alike."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Final, Self, cast

from opentelemetry.context import _RUNTIME_CONTEXT, Context, attach, create_key, get_current
from opentelemetry.trace import Span, StatusCode

from agenttrace.attributes import Metadata, as_mapping, metadata_attributes
from agenttrace.endings import class_name
from agenttrace.guard import Apart, Misuse, guarded
from agenttrace.numeric import Number
from agenttrace.recorder import Recorder
from agenttrace.runtime import Runtime, active
from agenttrace.scope import Frame, own_context, within
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Scalar

SCOPE: Final = create_key("agenttrace-scope")


class SpanScope(Recorder):
    """What a run and a step have in common; exceptions pass through and leave only their class."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._token: Token[Context] | None = None
        self._outside: Context | None = None
        self._metadata: dict[str, object] = {}
        self._ended = False

    @abstractmethod
    def _start(self, runtime: Runtime) -> Frame | None:
        """Start the span; None where there is nothing to record in."""

    @abstractmethod
    def _finish(self, span: Span, kind: type[BaseException] | None, error: BaseException | None) -> None:
        """Say on the span how it ended, and with which exception if one left it."""

    @abstractmethod
    def run_scope(self) -> SpanScope | None:
        """The run that this belongs to, itself where it is one."""

    def start(self) -> Self:
        """Enter without a `with` block, for callbacks and notebooks; `end` leaves it.

        A second start is refused and told, and changes nothing.
        """
        self._open()
        return self

    def end(self, error: BaseException | None = None) -> None:
        """Leave what `start` has entered, also from another task or thread; a second end does nothing.

        What it contains may end later. Where it was started, it is left as soon as this package is called there.
        `error` is the exception that ended it, None where it ended in order. Only its class is recorded.
        """
        self._close(None if error is None else type(error), error)

    @property
    def state(self) -> str:
        """Where it stands: not started, open or ended."""
        if self._ended:
            return "ended"
        return "open" if self._frame else "not started"

    @guarded
    def add_metadata(self, metadata: Metadata | None = None, /, **values: Scalar | Number | None) -> None:
        """Add numbers, flags and labels by key: `add_metadata(shard=3)`, `add_metadata({"a.b": 1})`.

        `metadata` maps keys to values, `values` are further ones; at most 32 keys, each an identifier of at most 64
        characters. A label is one token of at most 100 characters; None leaves a key out.
        What the rules refuse is left out and counted, and costs no other key of the call.
        """
        if frame := self._running():
            apart = Apart()
            stated: Mapping[str, object] = values
            with apart:
                stated = {**as_mapping(metadata), **values}
            for key, value in stated.items():
                with apart:
                    self._add(frame.span, key, value)
            apart.settle()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(kind, error)

    async def __aenter__(self) -> Self:
        self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(kind, error)

    @guarded
    def _open(self) -> None:
        runtime = active()
        if not runtime.settings.enabled:
            return
        if self._frame is not None:
            message = "Not recorded: a run or a step is entered once; make another one for each `with` block"
            raise Misuse(message)
        self._frame = self._start(runtime)
        if self._frame is not None:
            self._outside = own_context()
            self._token = attach(self._inside(self._frame, self._outside))

    @guarded
    def _close(self, kind: type[BaseException] | None, error: BaseException | None) -> None:
        frame, token, self._token = self._frame, self._token, None
        if frame is None or token is None:
            return
        self._ended = True
        self._leave(frame, token)
        runtime = active()
        # A closed generator is how streaming ends, not an error in it.
        if kind is not None and not issubclass(kind, GeneratorExit):
            mark_error(frame.span, runtime.quiet_name(class_name(kind)))
        self._finish(frame.span, kind, error)
        ended = runtime.now()
        frame.close_events(ended)
        frame.span.end(ended)

    def _inside(self, frame: Frame, outside: Context) -> Context:
        """The context between enter and exit."""
        return within(frame, outside, {SCOPE: self})

    def _leave(self, frame: Frame, token: Token[Context]) -> None:
        """Go back to the context outside; where that is not yet possible, whoever comes back here does."""
        is_innermost = get_current().get(SCOPE) is self
        try:
            if not is_innermost:  # something inside is still open, or this is a context without us
                frame.left = token
            else:
                _RUNTIME_CONTEXT.detach(token)
        except ValueError:  # a copy of the context, of which the token knows nothing
            frame.left = token
            attach(cast("Context", self._outside))
        own_context()

    def _add(self, span: Span, key: str, value: object) -> None:
        merged = {**self._metadata, key: value}
        attributes = metadata_attributes(active().settings.policy, merged)
        if value is not None:
            self._metadata = merged
            span.set_attributes(attributes)

    def _running(self) -> Frame | None:
        """The frame while it is open, None where everything is switched off; else raises `Misuse`."""
        if self._ended:
            message = "Not recorded: this run or step has ended; state it before its `with` block ends"
            raise Misuse(message)
        return self.entered()

    def entered(self) -> Frame | None:
        """The frame, None where everything is switched off; raises `Misuse` outside of `with`."""
        if self._frame is None and active().settings.enabled:
            message = "Not recorded: enter the run or step first: `with tracer.start_run() as run:`"
            raise Misuse(message)
        return self._frame


def current_scope() -> SpanScope | None:
    """The innermost run or step of the current context."""
    return cast("SpanScope | None", own_context().get(SCOPE))


def mark_error(span: Span, error_type: str) -> None:
    """Error status and error type; never a description, which could repeat what was said."""
    span.set_attribute(wire.ERROR_TYPE, error_type)
    span.set_status(StatusCode.ERROR)
