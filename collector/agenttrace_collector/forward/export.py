"""What an exporter's client gives and raises, in either protocol."""

from __future__ import annotations

from typing import Protocol


class Client(Protocol):
    """Sends requests of one exporter; used by one thread."""

    def send(self, signal: str, body: bytes) -> int:
        """How many records the receiver refused; raises `Rejected` for good, or `Unavailable` to try again."""

    def close(self) -> None:
        """Closes the connection."""
