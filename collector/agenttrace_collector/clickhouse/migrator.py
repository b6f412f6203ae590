"""Brings a database to the schema of this version, and back; records what was done and under which rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from agenttrace_collector.clickhouse.client import ClickHouse, QueryRejected
from agenttrace_collector.clickhouse.expiry import record_expiries
from agenttrace_collector.clickhouse.requirements import SchemaMismatch, SchemaMissing
from agenttrace_schemas.checks import (
    apply_checks,
    checks,
    fingerprint,
    violations,
    with_checks,
)
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.migrations import (
    LEDGER,
    PROFILES,
    Migration,
    Profile,
    ledger_entry,
    mark_runs,
    migrations,
    statements,
    stored_table,
    views,
)
from agenttrace_schemas.retention import apply_expiry, expiries
from agenttrace_schemas.rows import columns
from agenttrace_schemas.rules import Policy

_UNKNOWN_DATABASE: Final = 81
# The ledger's entry for CHECKs that are not those of any policy.
_NONE: Final = " " * 64
_NO_RULES: Final = "the database's rules (CHECKs) are not applied yet: run agenttrace migrate up"
_OTHER_RULES: Final = (
    "the database's CHECKs were made from another vocabulary, labels or failure_messages:"
    " run agenttrace migrate with this configuration"
)


class SchemaChanges(NamedTuple):
    """What `up` has done: migrations by name, and the tables whose CHECKs or TTL are others now."""

    migrations: list[str]
    checks: list[str]
    ttl: list[str]


class Violations(NamedTuple):
    """How many rows of a table break a rule: an `ALTER … UPDATE` by another user is not checked."""

    table: str
    column: str
    rule: str
    rows: int


class MigrationState(NamedTuple):
    """One migration as the database has it; `applied` is False where it was taken back or never done."""

    version: int
    name: str
    applied: bool
    checksum: str


@dataclass(frozen=True, slots=True)
class Migrator:
    """Applies migrations, CHECKs, TTLs and views; `ttl` is seconds by kind of record, None for ever.

    Without a `profile` a database stays what it is, and an empty one becomes that of a server.
    """

    database: ClickHouse
    policy: Policy
    ttl: Mapping[str, float | None] = field(default_factory=dict)
    now: Callable[[], int] = time.time_ns
    profile: Profile | None = None

    def up(self) -> SchemaChanges:
        """Apply what is missing, then CHECKs, TTLs and views.

        A version that was interrupted goes on where it stopped: it is recorded after its last statement,
        and each of them may run again.
        """
        profile = self._chosen_profile()
        self.database.create_database(PROFILES[profile]["on_cluster"])
        self._run(statements(LEDGER, profile))
        pending = self._verified()
        new = self._required(pending)
        if self.in_force() not in {"", fingerprint(self.policy)}:
            # A collector that starts meanwhile waits for the rules that are to come.
            self._record(0, "checks", _NONE, "checks")
        for migration in pending:
            self._run(with_checks(each, self.policy) for each in statements(migration.up, profile))
            self._record(migration.version, migration.name, migration.checksum, "up")
        self._run(mark_runs(new))
        checked = self._apply_checks(new, profile)
        record_expiries(self.database, self.ttl)
        expiring = [table for table in self._apply_ttl(profile) if table not in new]
        for view in views().values():
            self._run(statements(view, profile))
        return SchemaChanges([migration.name for migration in pending], checked, expiring)

    def down(self, to: int = 0) -> list[str]:
        """Take back every migration above version `to`, the last first; rows of its tables go with it."""
        done: list[str] = []
        applied = {state.version for state in self.status() if state.applied}
        if not applied:
            return done
        profile = self._chosen_profile()
        for name in reversed(views()):
            self.database.command(f"DROP VIEW IF EXISTS {name} {PROFILES[profile]['on_cluster']}")
        for migration in reversed(migrations()):
            if migration.version in applied and migration.version > to:
                self._run(statements(migration.down, profile))
                self._record(migration.version, migration.name, migration.checksum, "down")
                done.append(migration.name)
        self._record(0, "checks", _NONE, "checks")
        return done

    def status(self) -> list[MigrationState]:
        """Every migration of this version and whether the database has it; nothing is written."""
        recorded = self._recorded() if self._has_ledger() else {}
        return [
            MigrationState(each.version, each.name, each.version in recorded, recorded.get(each.version, ""))
            for each in migrations()
        ]

    def verify(self) -> None:
        """Raise unless the database has this schema and the CHECKs of this policy.

        `SchemaMissing` where migrations are still to be applied, `SchemaMismatch` where it is another one.
        Only reads, so that a collector's user needs no right to make or alter tables.
        """
        if missing := self._verified():
            message = f"the database lacks {missing[0].name}: run agenttrace migrate up"
            raise SchemaMissing(message)
        present = self.in_force()
        if not present:
            raise SchemaMissing(_NO_RULES)
        if present != fingerprint(self.policy):
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

    def _chosen_profile(self) -> Profile:
        """The profile that the database has; for one without tables that of this migrator."""
        engines = self._engines() if self._has_ledger() else {}
        is_cluster = engines.get("schema_migrations") == "Distributed"
        present: Profile | None = None if not engines else "cluster" if is_cluster else "server"
        if present and self.profile and self.profile != present:
            message = f"the database was made with --profile {present}; another needs an empty database"
            raise SchemaMismatch(message)
        return present or self.profile or "server"

    def _engines(self, column: str = "engine") -> dict[str, str]:
        """The engine of each table; `engine_full` has its TTL, too."""
        rows = self.database.query(
            f"SELECT name, {column} FROM system.tables WHERE database = currentDatabase()"  # noqa: S608
        )
        return {str(name): str(engine) for name, engine in rows}

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

    def _apply_checks(self, new: Container[str], profile: Profile) -> list[str]:
        """Replaces the CHECKs if they differ; the tables that were there and have others now.

        New tables have theirs, except for columns that were added later.
        """
        wanted, changed = fingerprint(self.policy), []
        if self.in_force() == wanted:
            return []
        for row in ALL_ROWS:
            stored = stored_table(row.TABLE, profile)
            present = self._constraints(stored.partition(" ")[0])
            drop, keep = ((), present) if row.TABLE in new else (present, ())
            if statement := apply_checks(row, self.policy, drop=drop, keep=keep, table=stored):
                self.database.command(statement)
                changed += [row.TABLE] if row.TABLE not in new else []
        self._record(0, "checks", wanted, "checks")
        return changed

    def _constraints(self, table: str) -> list[str]:
        """The names of the CHECKs that a table has."""
        ((ddl,),) = self.database.query(f"SHOW CREATE TABLE {table}")
        words = str(ddl).split()
        return [name for before, name in pairwise(words) if before == "CONSTRAINT"]

    def _apply_ttl(self, profile: Profile) -> list[str]:
        """Changes a TTL only if it differs, since the ALTER rewrites the table's parts; the tables with another."""
        engines, changed = self._engines("engine_full"), []
        for table, expiry in expiries(self.ttl).items():
            stored = stored_table(table, profile)
            engine = engines[stored.partition(" ")[0]]
            if (f" TTL {expiry} " not in engine) if expiry else " TTL " in engine:
                self.database.command(apply_expiry(stored, expiry))
                changed.append(table)
        return changed

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

    def in_force(self) -> str:
        """The fingerprint of the rules that the database applies; empty before the first."""
        rows = self.database.query(
            "SELECT checksum FROM schema_migrations WHERE direction = 'checks'"
            " ORDER BY applied_at DESC LIMIT 1"
        )
        return _text(rows[0][0]).strip() if rows else ""

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
