"""Migrations go up, down and up again, refuse what they do not know, and keep the CHECKs in step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agenttrace_collector.clickhouse import migrator as migrator_module
from agenttrace_collector.clickhouse.client import ClickHouse, QueryRejected
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.requirements import SchemaMismatch, SchemaMissing
from agenttrace_collector.config import Config
from agenttrace_schemas.checks import apply_checks, constraints
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.migrations import Migration, Profile, migrations, statements, views
from agenttrace_schemas.retention import KINDS
from agenttrace_schemas.rows import DecisionRow
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.site_vocabulary import VOCABULARY
from tests.support.database import empty_database, engine, insert_statement, migrated, valid_row

EXTENDED = Policy(VOCABULARY.extended({"tool_selection": ["policy_required"]}, {}))


@pytest.fixture
def database() -> ClickHouse:
    """A database of its own, still empty."""
    return empty_database()


def tables(database: ClickHouse) -> set[str]:
    """The tables and views that are there."""
    return {name for (name,) in database.query("SHOW TABLES")}


def names() -> list[str]:
    """All migrations in their order."""
    return [each.name for each in migrations()]


def test_up_down_and_up_again(database: ClickHouse) -> None:
    """Down leaves nothing but the record of what was done, and up makes everything anew."""
    migrator = Migrator(database, Policy())
    assert migrator.up().migrations == names()
    full = tables(database)
    assert migrator.down() == names()[::-1]
    assert tables(database) == {"schema_migrations"}
    assert migrator.up().migrations == names()
    assert tables(database) == full
    migrator.verify()


@pytest.mark.long
def test_new_tables_are_made_with_their_checks(database: ClickHouse) -> None:
    """Constraint by constraint the same as an ALTER that adds all of them to a table without."""
    migrator = Migrator(database, Policy())
    migrator.up()
    for row in ALL_ROWS:
        ((made,),) = database.query(f"SHOW CREATE TABLE {row.TABLE}")
        names = [check.name for check in constraints(row, Policy())]
        database.command(apply_checks(row, Policy(), drop=names))
        ((again,),) = database.query(f"SHOW CREATE TABLE {row.TABLE}")
        # A column of a later migration has its CHECKs after those of the first ones.
        assert {line.rstrip(",") for line in again.splitlines()} == {
            line.rstrip(",") for line in made.splitlines()
        }


def test_rows_are_sorted_by_the_key_of_their_class() -> None:
    """Settling takes back the rows of keys that it no longer makes."""
    rows = migrated(Policy()).query(
        "SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase()"
    )
    keys = {str(name): str(key).split(", ") for name, key in rows}
    assert [row.TABLE for row in ALL_ROWS if keys[row.TABLE] != list(row.SORT_KEY)] == []


@pytest.mark.long
def test_a_second_up_changes_nothing(database: ClickHouse) -> None:
    """A collector migrates its database at every start."""
    migrator = Migrator(database, Policy())
    migrator.up()
    recorded = database.query("SELECT count() FROM schema_migrations")
    assert not any(migrator.up())
    assert database.query("SELECT count() FROM schema_migrations") == recorded


@pytest.mark.long
def test_down_to_a_version_keeps_what_is_below(database: ClickHouse) -> None:
    """Runs, steps and failures stay when decisions and signals are taken back."""
    migrator = Migrator(database, Policy())
    migrator.up()
    migrator.down(to=1)
    assert {"agent_runs", "agent_steps", "agent_failures"} <= tables(database)
    assert "agent_decisions" not in tables(database)
    assert [state.applied for state in migrator.status()][:2] == [True, False]


def test_an_applied_migration_that_reads_otherwise_is_refused(
    database: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of released migrations never change; a database made from others is not touched."""
    Migrator(database, Policy()).up()
    changed = tuple(replace(each, up=each.up + "-- edited\n") for each in migrations())
    monkeypatch.setattr(migrator_module, "migrations", lambda: changed)
    with pytest.raises(SchemaMismatch, match="another checksum"):
        Migrator(database, Policy()).up()


@pytest.mark.long
def test_a_migration_whose_ground_is_missing_changes_nothing(database: ClickHouse) -> None:
    """Tables and columns of the phase before must be intact."""
    migrator = Migrator(database, Policy())
    migrator.up()
    migrator.down(to=1)
    database.command("ALTER TABLE agent_steps DROP COLUMN latency_ms")
    before = tables(database)
    with pytest.raises(SchemaMismatch, match=r"builds on agent_steps\(latency_ms\)"):
        migrator.up()
    assert tables(database) == before


def test_nothing_is_applied_where_a_later_migration_would_be_refused(database: ClickHouse) -> None:
    """What each migration builds on is looked at before the first of them runs."""
    database.command("CREATE TABLE agent_decisions (selected UInt8) ENGINE = MergeTree ORDER BY ()")
    with pytest.raises(SchemaMismatch, match="makes agent_decisions, which is there with another selected"):
        Migrator(database, Policy()).up()
    assert tables(database) == {"agent_decisions", "schema_migrations"}


@pytest.mark.long
@pytest.mark.parametrize("migration", migrations(), ids=lambda each: each.name)
def test_a_migration_that_was_interrupted_runs_again(database: ClickHouse, migration: Migration) -> None:
    """The process ended after the last statement and before the record of it."""
    migrator = Migrator(database, Policy())
    migrator.up()
    migrator.down(to=migration.version - 1)
    for statement in statements(migration.up):
        database.command(statement)
    assert migration.name in migrator.up().migrations
    migrator.verify()


def expiry(database: ClickHouse, table: str) -> str:
    """The TTL that the engine has for a table, empty for none."""
    ((ddl,),) = database.query(f"SHOW CREATE TABLE {table}")
    return next((line[4:] for line in str(ddl).splitlines() if line.startswith("TTL ")), "")


@pytest.mark.long
def test_tables_keep_their_rows_as_long_as_told(database: ClickHouse) -> None:
    """Each kind of record has its time; none at all is for ever; telling it anew changes it."""
    Migrator(database, Policy(), {"steps": 86_400.0, "rejections": None}).up()
    assert expiry(database, "agent_steps") == "toDateTime(started_at) + toIntervalSecond(86400)"
    assert expiry(database, "settled_steps") == expiry(database, "agent_steps")
    assert expiry(database, "agent_rejections") == expiry(database, "agent_runs") == ""
    Migrator(database, Policy(), {"steps": None, "rejections": 3600.0}).up()
    assert expiry(database, "agent_steps") == ""
    assert expiry(database, "agent_rejections") == "toDateTime(rejected_at) + toIntervalSecond(3600)"


class Recording(ClickHouse):
    """The real thing, which also notes the statements that it runs."""

    def __init__(self, database: str) -> None:
        super().__init__(engine(), database)
        self.commands: list[str] = []

    def command(self, statement: str) -> None:
        """Note the statement and run it."""
        self.commands.append(statement.split(maxsplit=1)[0])
        super().command(statement)


@pytest.mark.long
def test_what_is_the_same_is_not_altered() -> None:
    """A collector migrates at every start; an ALTER of each table would cost a second then."""
    database, ttl = Recording("test_recording"), Config().exporters.clickhouse.ttl.model_dump()
    Migrator(database, Policy(), ttl).up()
    assert "ALTER" in database.commands
    database.commands.clear()
    Migrator(database, Policy(), ttl).up()
    assert "ALTER" not in database.commands


def test_every_kind_of_the_configuration_has_its_tables() -> None:
    """The configuration and the schema name the same kinds of record."""
    assert set(Config().exporters.clickhouse.ttl.model_dump()) == set(KINDS)


@pytest.mark.long
def test_rows_that_are_too_old_are_dropped(database: ClickHouse) -> None:
    """A part whose rows are all older than the TTL goes at the next merge."""
    Migrator(database, Policy(), {"decisions": 3600.0}).up()
    database.command(insert_statement(DecisionRow, valid_row(DecisionRow, recorded_at="2020-01-01 00:00:00")))
    database.command("OPTIMIZE TABLE agent_decisions FINAL")
    assert database.query("SELECT count() FROM agent_decisions") == [(0,)]


def test_verifying_writes_nothing(database: ClickHouse) -> None:
    """The user of a collector needs no right to make tables."""
    with pytest.raises(SchemaMissing):
        Migrator(database, Policy()).verify()
    assert tables(database) == set()


def test_a_database_that_is_not_there_lacks_everything() -> None:
    """Status and verify say so instead of failing."""
    migrator = Migrator(ClickHouse(engine(), "never_made"), Policy())
    assert not any(state.applied for state in migrator.status())
    assert migrator.down() == []
    with pytest.raises(SchemaMissing, match="run agenttrace migrate"):
        migrator.verify()


@pytest.mark.long
def test_the_checks_follow_the_vocabulary(database: ClickHouse) -> None:
    """A site's own reason is refused before `migrate` has seen it, and accepted after."""
    row = insert_statement(DecisionRow, valid_row(DecisionRow, reason_code="policy_required"))
    Migrator(database, Policy()).up()
    with pytest.raises(QueryRejected):
        database.command(row)
    Migrator(database, EXTENDED).up()
    database.command(row)


def test_a_collector_with_other_rules_than_the_database_does_not_start(database: ClickHouse) -> None:
    """Its rows would be refused one by one; it says what to do instead."""
    Migrator(database, Policy()).up()
    with pytest.raises(SchemaMismatch, match="run agenttrace migrate"):
        Migrator(database, EXTENDED).verify()


def test_a_database_without_the_schema_is_named(database: ClickHouse) -> None:
    """A server that was never migrated is told apart from one with other rules."""
    with pytest.raises(SchemaMissing, match="lacks runs_steps_failures"):
        Migrator(database, Policy()).verify()


@pytest.mark.parametrize("profile", ["server", "cluster"])
def test_every_statement_is_parsed_by_the_engine(database: ClickHouse, profile: Profile) -> None:
    """The cluster's statements are parsed, not run: there is no Keeper here."""
    files = [file for each in migrations() for file in (each.up, each.down)]
    for file in (*files, *views().values()):
        for statement in statements(file, profile):
            assert database.query(f"EXPLAIN AST {statement}")


def test_a_cluster_keeps_runs_together() -> None:
    """Each table is local to a shard, and a distributed one of its name spreads rows by run."""
    made = statements(migrations()[0].up, "cluster")
    assert any(each.startswith("CREATE TABLE IF NOT EXISTS agent_runs_local ON CLUSTER") for each in made)
    assert any("ENGINE = Distributed(" in each and "run_id" in each for each in made)


@pytest.mark.long
def test_an_update_by_hand_is_found_by_the_audit(database: ClickHouse) -> None:
    """ClickHouse checks inserts only; the audit names table, column and rule, never the value."""
    migrator = Migrator(database, Policy())
    migrator.up()
    database.command(insert_statement(DecisionRow, valid_row(DecisionRow)))
    assert migrator.audit() == []
    database.command(
        "ALTER TABLE agent_decisions UPDATE selected = 'what she said' WHERE true SETTINGS mutations_sync = 1"
    )
    assert migrator.audit() == [("agent_decisions", "selected", "label.pattern", 1)]
