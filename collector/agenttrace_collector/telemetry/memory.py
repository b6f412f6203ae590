"""The memory of this process: how much it is, and giving back what is free."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

# Numbers of mallopt, from glibc's malloc.h.
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
_ARENAS: Final = 2
_LARGE_BYTES: Final = 1024 * 1024
_STATM_BYTES: Final = 256
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
# New objects after which Python looks for cycles among them: a request makes hundreds and leaves none.
_YOUNG_OBJECTS: Final = 10_000


def resident_bytes() -> int:
    """The memory this process holds; 0 where the system does not tell."""
    # Many times a second, and a Path that is read costs ten times as much.
    try:
        file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(file, _STATM_BYTES).split()[1]) * _PAGE_BYTES
    finally:
        os.close(file)


class ResidentMemory:
    """The memory of this process, read from the system at most once in `interval` seconds."""

    def __init__(
        self,
        interval: float = 0.02,
        *,
        read: Callable[[], int] = resident_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = interval
        self._read = read
        self._clock = clock
        self._bytes = 0
        self._due = float("-inf")

    def __call__(self) -> int:
        """Bytes, as of the last reading."""
        now = self._clock()
        if now >= self._due:
            self._bytes = self._read()
            self._due = now + self._interval
        return self._bytes


def keep_memory_together() -> None:
    """Let glibc return large blocks when they are freed, and keep few heaps instead of one per thread.

    Python looks for cycles after many new objects, and never among those that are there now.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(None)
            library.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
            library.mallopt(_ARENA_MAX, _ARENAS)


def give_memory_back() -> None:
    """Collect garbage and return free heap to the system, where the C library can."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
