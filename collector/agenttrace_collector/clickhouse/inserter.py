"""The protocols of a database that rows are inserted into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Inserter(Protocol):
    """Inserts a block of rows, all or none, once per token."""

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Insert RowBinary; raises `Rejected` if these rows never can be, `Unavailable` to try again."""


class Presence(Protocol):
    """Checks which rows a table contains, by a read that sees every finished insert."""

    def present(self, table: str, key: Sequence[str], values: Sequence[tuple[bytes | int, ...]]) -> set[int]:
        """The places in `values` whose row is in the table, or was taken by one that cannot lose it.

        `key` names columns of type UUID (16 raw bytes) or UInt64. Raises `Unavailable` to try again.
        """

    def stored(self, table: str, key: Sequence[str], values: Sequence[tuple[bytes | int, ...]]) -> set[int]:
        """The same of rows that the table may never have been sent."""


class AppliedRules(Protocol):
    """The rules (CHECKs) that a database applies to each insert; asking raises `Unavailable` to try again."""

    @property
    def own(self) -> str:
        """The fingerprint of the rules of this process."""

    def in_force(self) -> str:
        """The fingerprint of those that the database applies."""

    def refused(self, table: str, columns: Sequence[tuple[str, str]], rows: Sequence[bytes]) -> list[int]:
        """The places of the rows that break the rules of this process; `columns` are names and types.

        Raises `Rejected` where the database cannot be asked that.
        """

    def refused_in_force(
        self, table: str, columns: Sequence[tuple[str, str]], rows: Sequence[bytes]
    ) -> list[int]:
        """The same of the rules that the database applies."""
