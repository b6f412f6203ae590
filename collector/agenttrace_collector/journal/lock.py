"""The directory of a journal: a file lock that ends with the process, and its entries made durable."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Returns when the names of new files in the directory are on disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class JournalInUse(Exception):
    """Another process holds this journal."""


class DirectoryLock:
    """Holds `journal.lock` in a directory from `acquire` to `release`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "journal.lock"
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock or raise `JournalInUse`."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            message = f"journal directory {self._path.parent} is in use by another collector"
            raise JournalInUse(message) from error

    def release(self) -> None:
        """Releases the lock; calling it again has no effect."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
