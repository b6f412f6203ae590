"""Asks a database which rows its rules would refuse, before they are sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_schemas.checks import checks, fingerprint
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.expressions import quoted
from agenttrace_schemas.rows import columns as columns_of
from agenttrace_schemas.rules import Policy

# Rows that are asked about in one query.
_BYTES_AT_ONCE: Final = 1024 * 1024
_ROWS: Final = {row.TABLE: row for row in ALL_ROWS}


class RuleCheck:
    """The rules of a policy, applied by the database to rows that wait; `own` is their fingerprint."""

    def __init__(self, database: ClickHouse, policy: Policy) -> None:
        self._database = database
        self._policy = policy
        self.own = fingerprint(policy)

    def in_force(self) -> str:
        """The fingerprint of the rules that the database applies."""
        return Migrator(self._database, self._policy).in_force()

    def refused(self, table: str, columns: Sequence[tuple[str, str]], rows: Sequence[bytes]) -> list[int]:
        """The places of the rows of a table that break a rule; `columns` are names and types of the RowBinary."""
        statement, structure = self._statement(table, dict(columns)), ", ".join(map(" ".join, columns))
        found: list[int] = []
        for start, part in _parts(rows):
            ((places,),) = self._database.query_rows(statement, structure, b"".join(part))
            found += [start + place for place in places]
        return found

    def _statement(self, table: str, known: dict[str, str]) -> str:
        row = _ROWS[table]
        # Rows of an older layout get what the table fills in.
        missing = {name: each.type for name, each in columns_of(row).items() if name not in known}
        filled = "".join(
            f", defaultValueOfTypeName({quoted(kind)}) AS {name}" for name, kind in missing.items()
        )
        rules = " AND ".join(f"({check.expression})" for check in checks(row, self._policy))
        return (
            f"SELECT groupArray(place) FROM (SELECT rowNumberInAllBlocks() AS place, *{filled} FROM waiting)"  # noqa: S608
            f" WHERE NOT ({rules})"
        )


def _parts(rows: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """The rows some at a time, with the place of the first."""
    start, size = 0, 0
    for place, row in enumerate(rows):
        if size and size + len(row) > _BYTES_AT_ONCE:
            yield start, rows[start:place]
            start, size = place, 0
        size += len(row)
    if rows:
        yield start, rows[start:]
