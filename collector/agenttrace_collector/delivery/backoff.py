"""The delay before the next attempt: exponential, with full jitter, without an end."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Delays drawn evenly from nothing to a bound that doubles up to `longest` seconds."""

    def __init__(
        self, first: float = 0.25, longest: float = 15.0, *, jitter: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._longest = longest
        self._jitter = jitter
        self.attempts = 0

    def next(self) -> float:
        """The delay after one more failure."""
        bound = min(self._longest, self._first * 2.0 ** min(self.attempts, 32))
        self.attempts += 1
        return bound * self._jitter()

    def reset(self) -> None:
        """Begin anew after a success."""
        self.attempts = 0
