"""Checks by their ids which rows a ClickHouse table contains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from uuid import UUID

Key = tuple[bytes | int, ...]
Query = Callable[[str], Sequence[Sequence[object]]]

# Keeps a statement under the 256 KiB that ClickHouse parses by default.
_KEYS_AT_ONCE: Final = 2000
_TRUSTED: Final = ("Replicated", "Shared", "Distributed")


class TablePresence:
    """Asks the database; `query` runs a statement and returns its rows, ids as `UUID` and numbers.

    Replicated tables keep token and part in one transaction, and a replica may be behind in reading:
    there the database's word is taken.
    """

    def __init__(self, query: Query) -> None:
        self._query = query

    def present(self, table: str, key: Sequence[str], values: Sequence[Key]) -> set[int]:
        """The places in `values` whose row is in the table, or was taken by one that cannot lose it."""
        engine = f"SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = '{table}'"  # noqa: S608
        if any(str(name).startswith(_TRUSTED) for (name,) in self._query(engine)):
            return set(range(len(values)))
        return self.stored(table, key, values)

    def stored(self, table: str, key: Sequence[str], values: Sequence[Key]) -> set[int]:
        """The places in `values` whose row is in the table."""
        here: set[tuple[object, ...]] = set()
        for start in range(0, len(values), _KEYS_AT_ONCE):
            statement = _statement(table, key, values[start : start + _KEYS_AT_ONCE])
            here.update(map(_key, self._query(statement)))
        return {place for place, value in enumerate(values) if value in here}


def _statement(table: str, key: Sequence[str], values: Sequence[Key]) -> str:
    """One condition a column, as an index knows single columns; which belong together is seen here."""
    columns = zip(key, zip(*values, strict=True), strict=True)
    conditions = " AND ".join(f"{name} IN ({','.join(_literals(column))})" for name, column in columns)
    return f"SELECT {', '.join(key)} FROM {table} WHERE {conditions}"  # noqa: S608 - names of ours, ids


def _literals(values: Sequence[bytes | int]) -> Iterator[str]:
    for value in dict.fromkeys(values):
        yield f"'{UUID(bytes=value)}'" if isinstance(value, bytes) else str(value)


def _key(row: Sequence[object]) -> tuple[object, ...]:
    return tuple(value.bytes if isinstance(value, UUID) else value for value in row)
