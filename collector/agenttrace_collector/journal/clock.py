"""A clock that goes on evenly, however often the machine's is set."""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyClock:
    """The time (ns) as the machine had it when this was made, and what has passed since."""

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._steady = steady
        self._offset = wall() - steady()

    def __call__(self) -> int:
        """The time (ns)."""
        return self._offset + self._steady()
