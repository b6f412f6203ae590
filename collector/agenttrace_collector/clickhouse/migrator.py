"""Brings a database to the schema of this version, and back; records what was done and under which rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from agenttrace_collector.clickhouse.client import ClickHouse, QueryRejected
from agenttrace_collector.errors import Rejected
from agenttrace_schemas.checks import (
    apply_checks,
    checks,
    create_with_checks,
    fingerprint,
    violations,
)
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.migrations import LEDGER, Migration, ledger_entry, migrations, statements, views
from agenttrace_schemas.retention import apply_expiry, expiries
from agenttrace_schemas.rows import columns
from agenttrace_schemas.rules import Policy

_UNKNOWN_DATABASE: Final = 81
_OTHER_RULES: Final = (
    "the database's CHECKs were made from another vocabulary, labels or failure_messages:"
    " run agenttrace migrate with this configuration"
)


class SchemaMismatch(Rejected):
    """The database is not as a migration, or this configuration, expects it; nothing was changed."""


class Violations(NamedTuple):
    """How many rows of a table break a rule: an `ALTER … UPDATE` by another user is not checked."""

    table: str
    column: str
    rule: str
    rows: int


class State(NamedTuple):
    """One migration as the database has it; `applied` is False where it was taken back or never done."""

    version: int
    name: str
    applied: bool
    checksum: str


@dataclass(frozen=True, slots=True)
class Migrator:
    """Applies migrations, CHECKs, TTLs and views; `ttl` is seconds by kind of record, None for ever."""

    database: ClickHouse
    policy: Policy
    ttl: Mapping[str, float | None] = field(default_factory=dict)
    now: Callable[[], int] = time.time_ns

    def up(self) -> list[str]:
        """Apply what is missing, then CHECKs, TTLs and views; the names of the migrations applied."""
        self.database.create_database()
        self._run(statements(LEDGER))
        pending = self._verified()
        new = self._required(pending)
        for migration in pending:
            self._run(create_with_checks(each, self.policy) for each in statements(migration.up))
            self._record(migration.version, migration.name, migration.checksum, "up")
        self._apply_checks(new)
        self._apply_ttl()
        for view in views().values():
            self._run(statements(view))
        return [migration.name for migration in pending]

    def down(self, to: int = 0) -> list[str]:
        """Take back every migration above version `to`, the last first; rows of its tables go with it."""
        done: list[str] = []
        applied = {state.version for state in self.status() if state.applied}
        if not applied:
            return done
        for name in reversed(views()):
            self.database.command(f"DROP VIEW IF EXISTS {name}")
        for migration in reversed(migrations()):
            if migration.version in applied and migration.version > to:
                self._run(statements(migration.down))
                self._record(migration.version, migration.name, migration.checksum, "down")
                done.append(migration.name)
        self._record(0, "checks", " " * 64, "checks")
        return done

    def status(self) -> list[State]:
        """Every migration of this version and whether the database has it; nothing is written."""
        recorded = self._recorded() if self._has_ledger() else {}
        return [
            State(each.version, each.name, each.version in recorded, recorded.get(each.version, ""))
            for each in migrations()
        ]

    def verify(self) -> None:
        """Raise `SchemaMismatch` unless the database has this schema and the CHECKs of this policy.

        Only reads, so that a collector's user needs no right to make or alter tables.
        """
        if missing := self._verified():
            message = f"the database lacks {missing[0].name}: run agenttrace migrate"
            raise SchemaMismatch(message)
        if self._fingerprint() != fingerprint(self.policy):
            raise SchemaMismatch(_OTHER_RULES)

    def audit(self) -> list[Violations]:
        """Which stored rows break a rule of this policy; reads every guarded column of every table."""
        self.verify()
        found = []
        for row in ALL_ROWS:
            ((*counts,),) = self.database.query(violations(row, self.policy))
            for check, count in zip(checks(row, self.policy), counts, strict=True):
                if count:
                    found.append(Violations(row.TABLE, check.column, check.rule, count))
        return found

    def _has_ledger(self) -> bool:
        try:
            return bool(self._types("schema_migrations"))
        except QueryRejected as refused:
            if refused.code == _UNKNOWN_DATABASE:
                return False
            raise

    def _verified(self) -> list[Migration]:
        """What is missing; raises where an applied migration is not the one of this version."""
        states = self.status()
        for state, migration in zip(states, migrations(), strict=True):
            if state.applied and state.checksum != migration.checksum:
                message = f"migration {state.version} {state.name} was applied with another checksum"
                raise SchemaMismatch(message)
        return [each for each, state in zip(migrations(), states, strict=True) if not state.applied]

    def _required(self, pending: Iterable[Migration]) -> set[str]:
        """The tables that are to be made anew; raises unless each migration finds what it builds on."""
        made: set[str] = set()
        new: set[str] = set()
        for migration in pending:
            for table, names in migration.requires.items():
                if table not in made and (missing := sorted(set(names) - set(self._types(table)))):
                    fault = f"builds on {table}({', '.join(missing)}), which is not there"
                    raise SchemaMismatch(_untouched(migration, fault))
            for table in migration.makes:
                types = self._types(table)
                if unlike := _unlike(table, types):
                    fault = f"makes {table}, which is there with another {', '.join(unlike)}"
                    raise SchemaMismatch(_untouched(migration, fault))
                if not types:
                    new.add(table)
            made.update(migration.makes)
        return new

    def _apply_checks(self, new: Container[str]) -> None:
        """Replaces the CHECKs if they differ; new tables have theirs, except for columns that were added later."""
        wanted = fingerprint(self.policy)
        if self._fingerprint() == wanted:
            return
        for row in ALL_ROWS:
            present = self._constraints(row.TABLE)
            drop, keep = ((), present) if row.TABLE in new else (present, ())
            if statement := apply_checks(row, self.policy, drop=drop, keep=keep):
                self.database.command(statement)
        self._record(0, "checks", wanted, "checks")

    def _constraints(self, table: str) -> list[str]:
        """The names of the CHECKs that a table has."""
        ((ddl,),) = self.database.query(f"SHOW CREATE TABLE {table}")
        words = str(ddl).split()
        return [name for before, name in pairwise(words) if before == "CONSTRAINT"]

    def _apply_ttl(self) -> None:
        """Changes a TTL only if it differs, since the ALTER rewrites the table's parts."""
        rows = self.database.query(
            "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()"
        )
        engines = {str(name): str(engine) for name, engine in rows}
        for table, expiry in expiries(self.ttl).items():
            has = " TTL " in engines[table]
            if (f" TTL {expiry} " not in engines[table]) if expiry else has:
                self.database.command(apply_expiry(table, expiry))

    def _types(self, table: str) -> dict[str, str]:
        """A table's columns and their types, nothing where there is no such table."""
        rows = self.database.query(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
            {"table": table},
        )
        return {str(name): str(kind) for name, kind in rows}

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
        at = f"fromUnixTimestamp64Nano({self.now()})"
        self.database.command(ledger_entry(version, name, checksum, direction, at=at))

    def _run(self, commands: Iterable[str]) -> None:
        for command in commands:
            self.database.command(command)


def _unlike(table: str, types: Mapping[str, str]) -> list[str]:
    """Columns that a table should not have so: one of ours that was interrupted has none of these."""
    wanted = {row.TABLE: {name: each.type for name, each in columns(row).items()} for row in ALL_ROWS}
    if table not in wanted:
        return []
    return sorted(name for name, kind in types.items() if wanted[table].get(name) != kind)


def _untouched(migration: Migration, fault: str) -> str:
    return f"migration {migration.name} {fault}; nothing was changed"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
