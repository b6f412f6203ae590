"""Asks a database which rows its rules would refuse, before they are sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.errors import Rejected
from agenttrace_schemas.checks import checks, fingerprint
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.expressions import quoted
from agenttrace_schemas.rows import columns as columns_of
from agenttrace_schemas.rules import Policy

# Rows that are asked about in one query.
_BYTES_AT_ONCE: Final = 1024 * 1024
# A CHECK as `agenttrace_schemas.checks` declares it and the engine writes it, without what makes it throw.
_CHECK: Final = re.compile(r"CONSTRAINT \w+ CHECK throwIf\((?P<broken>.+), '[a-z_.]+'\) = 0,?")
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
        rules = " AND ".join(f"({check.expression})" for check in checks(_ROWS[table], self._policy))
        return self._places(table, columns, rows, f"NOT ({rules})")

    def refused_in_force(
        self, table: str, columns: Sequence[tuple[str, str]], rows: Sequence[bytes]
    ) -> list[int]:
        """The same of the rules that the database applies; raises `Rejected` where they are none of ours."""
        return self._places(table, columns, rows, " OR ".join(self._broken(table)))

    def _broken(self, table: str) -> Iterator[str]:
        """What is true of a row that breaks a CHECK of the table, by CHECK."""
        lines = [line.strip() for line in self._definition(table).splitlines()]
        declared = [line for line in lines if line.startswith("CONSTRAINT ")]
        for line in declared:
            found = _CHECK.match(line)
            if found is None:
                message = "a rule (CHECK) of the database is none of this product"
                raise Rejected(message)
            yield f"({found['broken']})"
        if not declared:
            message = "the database has no rules (CHECKs)"
            raise Rejected(message)

    def _definition(self, table: str) -> str:
        """On a cluster the CHECKs are those of the local table."""
        local = self._database.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND name = {name:String}",
            {"name": f"{table}_local"},
        )
        ((ddl,),) = self._database.query(f"SHOW CREATE TABLE {local[0][0] if local else table}")
        return str(ddl)

    def _places(
        self, table: str, columns: Sequence[tuple[str, str]], rows: Sequence[bytes], broken: str
    ) -> list[int]:
        statement = _statement(table, dict(columns), broken)
        structure = ", ".join(map(" ".join, columns))
        found: list[int] = []
        for start, part in _parts(rows):
            ((places,),) = self._database.query_rows(statement, structure, b"".join(part))
            found += [start + place for place in places]
        return found


def _statement(table: str, known: dict[str, str], broken: str) -> str:
    # Rows of an older layout get what the table fills in.
    missing = {name: each.type for name, each in columns_of(_ROWS[table]).items() if name not in known}
    filled = "".join(f", defaultValueOfTypeName({quoted(kind)}) AS {name}" for name, kind in missing.items())
    return (
        f"SELECT groupArray(place) FROM (SELECT rowNumberInAllBlocks() AS place, *{filled} FROM waiting)"  # noqa: S608
        f" WHERE {broken}"
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
