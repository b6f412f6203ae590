"""Brings a database to the schema of this version, and back; records what was done and under which rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from agenttrace_collector.clickhouse import ClickHouse
from agenttrace_collector.errors import Rejected
from agenttrace_schemas.checks import apply_checks, fingerprint
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.migrations import Migration, Profile, migrations, statements, views
from agenttrace_schemas.rules import Policy

_LEDGER: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version UInt32,
    name LowCardinality(String),
    checksum FixedString(64),
    direction Enum8('up' = 1, 'down' = 2, 'checks' = 3),
    applied_at DateTime64(9, 'UTC')
)
ENGINE = MergeTree ORDER BY (applied_at, version)
"""
_OTHER_RULES: Final = (
    "the database's CHECKs were made from another vocabulary, labels or failure_messages:"
    " run agenttrace migrate with this configuration"
)


class SchemaMismatch(Rejected):
    """The database is not as a migration, or this configuration, expects it; nothing was changed."""


class State(NamedTuple):
    """One migration as the database has it; `applied` is False where it was taken back or never done."""

    version: int
    name: str
    applied: bool
    checksum: str


@dataclass(frozen=True, slots=True)
class Migrator:
    """Applies migrations, CHECKs and views through one connection."""

    database: ClickHouse
    policy: Policy
    profile: Profile = "server"
    now: Callable[[], int] = time.time_ns

    def up(self) -> list[str]:
        """Apply what is missing, then CHECKs and views; the names of the migrations applied."""
        pending = self._verified()
        for migration in pending:
            self._require(migration)
            self._run(statements(migration.up, self.profile))
            self._record(migration.version, migration.name, migration.checksum, "up")
        self._apply_checks()
        for view in views().values():
            self._run(statements(view, self.profile))
        return [migration.name for migration in pending]

    def down(self, to: int = 0) -> list[str]:
        """Take back every migration above version `to`, the last first; rows of its tables go with it."""
        done: list[str] = []
        applied = {state.version for state in self.status() if state.applied}
        for name in reversed(views()):
            self.database.command(f"DROP VIEW IF EXISTS {name}")
        for migration in reversed(migrations()):
            if migration.version in applied and migration.version > to:
                self._run(statements(migration.down, self.profile))
                self._record(migration.version, migration.name, migration.checksum, "down")
                done.append(migration.name)
        self._record(0, "checks", " " * 64, "checks")
        return done

    def status(self) -> list[State]:
        """Every migration of this version and whether the database has it."""
        self.database.create_database()
        self.database.command(_LEDGER)
        recorded = self._recorded()
        return [
            State(each.version, each.name, each.version in recorded, recorded.get(each.version, ""))
            for each in migrations()
        ]

    def verify(self) -> None:
        """Raise `SchemaMismatch` unless the database has this schema and the CHECKs of this policy."""
        if missing := self._verified():
            message = f"the database lacks {missing[0].name}: run agenttrace migrate"
            raise SchemaMismatch(message)
        if self._fingerprint() != fingerprint(self.policy):
            raise SchemaMismatch(_OTHER_RULES)

    def _verified(self) -> list[Migration]:
        """What is missing; raises where an applied migration is not the one of this version."""
        states = self.status()
        for state, migration in zip(states, migrations(), strict=True):
            if state.applied and state.checksum != migration.checksum:
                message = f"migration {state.version} {state.name} was applied with another checksum"
                raise SchemaMismatch(message)
        return [each for each, state in zip(migrations(), states, strict=True) if not state.applied]

    def _require(self, migration: Migration) -> None:
        for table, columns in migration.requires.items():
            present = {name for name, *_ in self._described(table)}
            if missing := sorted(set(columns) - present):
                lacking = f"{table}({', '.join(missing)})"
                message = (
                    f"migration {migration.name} builds on {lacking}, which is not there; nothing was changed"
                )
                raise SchemaMismatch(message)

    def _apply_checks(self) -> None:
        """Only where they differ: an ALTER of every table at each start would cost a second."""
        wanted = fingerprint(self.policy)
        if self._fingerprint() == wanted:
            return
        for row in ALL_ROWS:
            self.database.command(apply_checks(row, self.policy, self._constraints(row.TABLE)))
        self._record(0, "checks", wanted, "checks")

    def _constraints(self, table: str) -> list[str]:
        """The names of the CHECKs that a table has."""
        ((ddl,),) = self.database.query(f"SHOW CREATE TABLE {table}")
        words = str(ddl).split()
        return [name for before, name in pairwise(words) if before == "CONSTRAINT"]

    def _described(self, table: str) -> Sequence[Sequence[str]]:
        exists = self.database.query(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
            {"table": table},
        )
        return [tuple(map(str, row)) for row in exists]

    def _recorded(self) -> dict[int, str]:
        rows = self.database.query(
            "SELECT version, argMax(checksum, applied_at), argMax(direction, applied_at) = 'up' AS applied"
            " FROM schema_migrations WHERE direction != 'checks' GROUP BY version"
        )
        return {version: _text(checksum) for version, checksum, applied in rows if applied}

    def _fingerprint(self) -> str:
        rows = self.database.query(
            "SELECT checksum FROM schema_migrations WHERE direction = 'checks'"
            " ORDER BY applied_at DESC LIMIT 1"
        )
        return _text(rows[0][0]) if rows else ""

    def _record(self, version: int, name: str, checksum: str, direction: str) -> None:
        """Names and checksums are ours; times are strings, since a number would be read as seconds."""
        self.database.command(
            "INSERT INTO schema_migrations SELECT"
            f" {version}, '{name}', '{checksum}', '{direction}', fromUnixTimestamp64Nano({self.now()})"
        )

    def _run(self, commands: Iterable[str]) -> None:
        for command in commands:
            self.database.command(command)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
