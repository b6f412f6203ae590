"""A file that reserves disk space for writes on a full disk."""

from __future__ import annotations

import os
from pathlib import Path


class Reserve:
    """A file of `size` bytes; giving it up lets delivery delete entries on a disk that is full.

    A write-ahead log that can neither grow nor be brought into its database would otherwise stay
    full for ever, although every entry in it has been delivered.
    """

    def __init__(self, path: Path | None, size: int) -> None:
        self._path = path if size else None
        self._size = size
        self.held = self._path is None

    def hold(self) -> bool:
        """Take the space again if it was given up; whether it is held."""
        if self.held or self._path is None:
            return True
        try:
            self._allocate(self._path)
        except OSError:
            self.give_up()
        else:
            self.held = True
        return self.held

    def give_up(self) -> bool:
        """Releases the space; False if there was none."""
        if self._path is None:
            return False
        self._path.unlink(missing_ok=True)
        was_held, self.held = self.held, False
        return was_held

    def _allocate(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size)
        finally:
            os.close(descriptor)
