"""Directories that are dear to make, made once for all processes of a test run."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

_VARIABLE: Final = "TESTS_SHARED_DIRECTORY"


def open_shared_directory() -> None:
    """Make the directory that this process and those that it starts share; it is removed when this one ends."""
    directory = tempfile.mkdtemp(prefix="agenttrace-shared-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.environ[_VARIABLE] = directory


@cache
def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The directory of this name, which is not to be written to; the first that asks for it fills it with `make`."""
    if _VARIABLE not in os.environ:
        open_shared_directory()
    shared = Path(os.environ[_VARIABLE])
    place = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            unfinished = Path(tempfile.mkdtemp(dir=shared))
            make(unfinished)
            unfinished.rename(place)
    return place
