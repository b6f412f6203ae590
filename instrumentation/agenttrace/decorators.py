"""Functions whose calls are runs or steps; arguments and results pass through and are not looked at."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial, wraps
from types import TracebackType
from typing import Any, Final, Protocol, TypeVar, cast

from opentelemetry.context import _RUNTIME_CONTEXT, Context, attach, get_current

F = TypeVar("F", bound=Callable[..., Any])


class Scope(Protocol):
    """A run or a step."""

    def __enter__(self) -> object:
        """Enter it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Leave it, with the exception that ended it if there is one."""


def in_scope(function: F, make: Callable[[str], Scope]) -> F:
    """The function, each of whose calls is in a scope that `make` makes from the function's name.

    It stays what it was: a coroutine function, a generator function, an async one, a static or a class method.
    """
    if isinstance(function, (staticmethod, classmethod)):
        return cast("F", type(function)(in_scope(function.__func__, make)))
    inner: Any = function.func if isinstance(function, partial) else function
    name = str(getattr(inner, "__name__", type(inner).__name__))
    code = inner if inspect.isroutine(inner) else type(inner).__call__
    kind = next((wrapper for is_one, wrapper in _KINDS if is_one(code)), _plain)
    return cast("F", wraps(function)(kind(function, partial(make, name))))


def _plain(function: Callable[..., Any], make: Callable[[], Scope]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with make():
            return function(*args, **kwargs)

    return call


def _coroutine(function: Callable[..., Any], make: Callable[[], Scope]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with make():
            return await function(*args, **kwargs)

    return call


class _Relay:
    """A generator's scope: current while a part of the generator runs, and not for its consumer between two."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._part = _Part()

    def __enter__(self) -> _Part:
        with self._part:
            self._scope.__enter__()
        return self._part

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._part:
            self._scope.__exit__(kind, error, trace)


class _Part:
    """Attaches the context that the part before has left, and keeps the one that this part leaves."""

    def __init__(self) -> None:
        self._kept: Context | None = None

    def __enter__(self) -> None:
        self._token = attach(get_current() if self._kept is None else self._kept)

    def __exit__(self, *_: object) -> None:
        self._kept = get_current()
        _RUNTIME_CONTEXT.detach(self._token)


def _generator(function: Callable[..., Any], make: Callable[[], Scope]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with _Relay(make()) as part:
            inner = function(*args, **kwargs)
            resume = inner.__next__
            while True:
                try:
                    with part:
                        value = resume()
                except StopIteration as stop:
                    return stop.value
                try:
                    resume = partial(inner.send, (yield value))
                except GeneratorExit:
                    with part:
                        inner.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is the generator's, which may handle it
                    resume = partial(inner.throw, error)

    return call


def _async_generator(function: Callable[..., Any], make: Callable[[], Scope]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with _Relay(make()) as part:
            inner = function(*args, **kwargs)
            resume = inner.__anext__
            while True:
                try:
                    with part:
                        value = await resume()
                except StopAsyncIteration:
                    return
                try:
                    resume = partial(inner.asend, (yield value))
                except GeneratorExit:
                    with part:
                        await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is the generator's, which may handle it
                    resume = partial(inner.athrow, error)

    return call


_KINDS: Final = (
    (inspect.isasyncgenfunction, _async_generator),
    (inspect.isgeneratorfunction, _generator),
    (inspect.iscoroutinefunction, _coroutine),
)
