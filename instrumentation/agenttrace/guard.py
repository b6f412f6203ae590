"""The border to the host application: errors are logged once per call site, counted, and not raised."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from agenttrace.counts import INTERNAL, MISUSE
from agenttrace.notices import Misuse
from agenttrace.runtime import active
from agenttrace_schemas.rules import Violation

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["Apart", "Misuse", "guarded", "refuse", "tried"]


def guarded(function: Callable[P, T]) -> Callable[P, T | None]:
    """Keeps a function's exceptions from the agent, which gets None; AGENTTRACE_STRICT=1 raises them."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            refuse(_misfit(error, function) or error)
            if active().settings.strict:
                raise
            return None

    return call


def tried(function: Callable[[], T]) -> T | None:
    """Returns the result of foreign code; None if it raises."""
    try:
        return function()
    except Exception:  # noqa: BLE001 - what a framework raises is not the agent's concern
        return None


class Apart:
    """Keeps the parts of one call apart: `with apart:` around each, so that one fault costs one part."""

    def __init__(self) -> None:
        self._faults: list[Exception] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._faults.append(error)
        return True

    def settle(self) -> None:
        """Refuse each part that failed; the last is raised, for `guarded` to refuse like any other."""
        if self._faults:
            *others, last = self._faults
            for other in others:
                refuse(other)
                last.add_note(_reason(other)[1])
            raise last


def refuse(error: Exception) -> None:
    """Count what went wrong, and tell the place of the call, without a value that was passed."""
    runtime = active()
    rule, sentence = _reason(error)
    runtime.counters.refused(rule)
    runtime.notices.tell(sentence)


def _reason(error: Exception) -> tuple[str, str]:
    if isinstance(error, Violation):
        return error.rule, _sentence(error)
    if isinstance(error, Misuse):
        return MISUSE, str(error)
    # Only the class: the text of a foreign exception may repeat what it was given.
    return INTERNAL, f"Not recorded: {type(error).__name__} was raised while recording"


def _sentence(violation: Violation) -> str:
    if violation.rule == "event.no_run":
        return (
            "Not recorded: there is neither a run nor a span here to record on; use `with tracer.start_run():` "
            "or a span of your framework (rule event.no_run)"
        )
    return f"Not recorded: {violation.key} must be {violation.allowed} (rule {violation.rule})"


def _misfit(error: Exception, function: Callable[..., object]) -> Misuse | None:
    """A call whose arguments the function does not have; Python's own text may repeat their names."""
    inside = error.__traceback__ and error.__traceback__.tb_next
    if not isinstance(error, TypeError) or inside:
        return None
    takes = [name for name in inspect.signature(function).parameters if name != "self"]
    return Misuse(f"Not recorded: {function.__name__} takes {', '.join(takes)}")
