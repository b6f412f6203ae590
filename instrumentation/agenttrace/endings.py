"""How a run ended that an exception left: whether it failed or was cut short from outside."""

from __future__ import annotations

from typing import Final

# By name, so that no framework is imported: asyncio, concurrent.futures and trio; Starlette, Werkzeug, Sanic.
_CUT_SHORT: Final = frozenset(
    "CancelledError Cancelled RequestCancelled ClientDisconnect ClientDisconnected WebSocketDisconnect".split()
)


def cut_short(kind: type[BaseException], error: BaseException | None) -> bool:
    """Whether the run was cancelled, its client went away or its process was told to end."""
    if isinstance(error, BaseExceptionGroup):
        return all(cut_short(type(each), each) for each in error.exceptions)
    if issubclass(kind, SystemExit):
        return getattr(error, "code", None) in {None, 0}
    if issubclass(kind, (GeneratorExit, KeyboardInterrupt)):
        return True
    return any(base.__name__ in _CUT_SHORT for base in kind.__mro__)


def class_name(kind: type[BaseException]) -> str:
    """An exception's class with its module, as OpenTelemetry writes error types."""
    name = kind.__qualname__.replace("<locals>.", "")
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"
