"""Asynchronous contexts without generators: every request enters several, and a generator costs ten times as much."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

T_co = TypeVar("T_co", covariant=True)


class Holding(AbstractAsyncContextManager[T_co, None]):
    """Holds what `take` returns until the block ends; `give_back` is called if `take` did not fail."""

    __slots__ = ("_give_back", "_take")

    def __init__(self, take: Callable[[], Awaitable[T_co]], give_back: Callable[[], None]) -> None:
        self._take = take
        self._give_back = give_back

    async def __aenter__(self) -> T_co:
        return await self._take()

    async def __aexit__(self, *_: object) -> None:
        self._give_back()
