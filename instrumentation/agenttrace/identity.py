"""Values kept beside objects while these live, by identity: the objects need no hash and no equality."""

from __future__ import annotations

from contextlib import suppress
from typing import Generic, TypeVar
from weakref import ref

K = TypeVar("K")
V = TypeVar("V")


class IdentityMap(Generic[K, V]):
    """A weak dictionary for objects of others: proxies and data classes are often not hashable.

    An object that cannot be referenced weakly is not remembered: its value is made again each time.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[ref[K], V]] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def get(self, key: K) -> V | None:
        """The value of this very object."""
        entry = self._entries.get(id(key))
        return entry[1] if entry is not None and entry[0]() is key else None

    def setdefault(self, key: K, value: V) -> V:
        """The value of this very object, which becomes `value` if it had none."""
        known = self.get(key)
        if known is not None:
            return known
        self[key] = value
        return value

    def __setitem__(self, key: K, value: V) -> None:
        place = id(key)
        with suppress(TypeError):  # slots without a place for weak references
            self._entries[place] = (ref(key, lambda _: self._entries.pop(place, None)), value)

    def items(self) -> list[tuple[K, V]]:
        """The objects that still live, and their values."""
        entries = tuple(self._entries.values())
        return [(key, value) for reference, value in entries if (key := reference()) is not None]

    def clear(self) -> None:
        """Forget every object."""
        self._entries.clear()
