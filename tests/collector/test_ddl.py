"""The schema as a script: the same as what migrations make, and a template for a cluster."""

from __future__ import annotations

import re

import pytest

from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.requirements import SchemaMismatch
from agenttrace_collector.config import Config
from agenttrace_schemas.ddl import script
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.migrations import migrations, statements, views
from agenttrace_schemas.rows import columns
from agenttrace_schemas.rules import Policy
from tests.support.database import empty_database

pytestmark = pytest.mark.long

IN_SUBQUERY = re.compile(r"(\w+ )(?:NOT )?IN \(SELECT")
TTL = Config().exporters.clickhouse.ttl.model_dump()


def _lines(ddl: object) -> list[str]:
    return sorted(line.rstrip(",") for line in str(ddl).splitlines()[1:])


def test_the_script_of_a_server_makes_what_migrations_make() -> None:
    """Column by column, CHECK by CHECK, TTL by TTL."""
    scripted, migrated = empty_database(), empty_database()
    Migrator(migrated, Policy(), TTL).up()
    for statement in script("server", Policy(), TTL):
        scripted.command(statement)
    made = "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations' ORDER BY name"
    assert scripted.query(made) == migrated.query(made)
    for row in ALL_ROWS:
        ((one,),), ((other,),) = (
            database.query(f"SHOW CREATE TABLE {row.TABLE}") for database in (scripted, migrated)
        )
        # A column of a later migration has its CHECKs after those of the first ones, or before.
        assert _lines(one) == _lines(other)


def test_a_collector_starts_on_what_the_script_has_made() -> None:
    """Nothing is left to apply, and the rules are those of the configuration."""
    scripted = empty_database()
    for statement in script("server", Policy(), TTL):
        scripted.command(statement)
    migrator = Migrator(scripted, Policy(), TTL)
    migrator.verify()
    assert all(state.applied for state in migrator.status())
    assert not any(migrator.up())
    with pytest.raises(SchemaMismatch):
        Migrator(scripted, Policy(labels="words"), TTL).verify()


def test_a_cluster_shards_by_run_where_there_are_runs() -> None:
    """Thresholds, progress, collectors, receipts and the ledger have no run: a sharding key that names one would be refused."""
    found = [each for each in script("cluster", Policy(), TTL) if "ENGINE = Distributed" in each]
    by_run = {each.split()[5] for each in found if "run_id" in each}
    whole = {each.split()[5] for each in found} - by_run
    assert whole == {
        *("schema_migrations", "derive_thresholds", "settle_progress", "settle_collectors"),
        *("counted_since", "gate_receipts"),
    }
    assert {row.TABLE for row in ALL_ROWS if "run_id" in columns(row)} == by_run & {
        row.TABLE for row in ALL_ROWS
    }


def test_the_template_of_a_cluster_is_parsed_by_the_engine() -> None:
    """Parsed, not run: there is no Keeper here."""
    database = empty_database()
    for statement in script("cluster", Policy(), TTL):
        assert database.query(f"EXPLAIN AST {statement}")


def test_a_cluster_asks_each_subquery_once() -> None:
    """A subquery that each shard asks of every shard is denied by ClickHouse (code 288), or asked N² times."""
    asked = [
        words for view in views().values() for words in IN_SUBQUERY.findall(statements(view, "cluster")[0])
    ]
    assert len(asked) > 5
    assert set(asked) == {"GLOBAL "}


def test_a_cluster_checks_rows_where_they_are_stored() -> None:
    """A distributed table cannot have CHECKs or a TTL of its own."""
    changes = [each for each in script("cluster", Policy(), TTL) if each.startswith("ALTER")]
    altered = [each.split()[2] for each in changes if "CONSTRAINT" in each or " TTL " in each]
    assert {row.TABLE + "_local" for row in ALL_ROWS} <= set(altered)
    assert all(table.endswith("_local") for table in altered)


def test_a_cluster_gets_new_columns_in_both_tables() -> None:
    """The local table has them, and the table over all shards names them."""
    altering = [each for each in migrations() if "ALTER TABLE agent_steps " in each.up]
    assert altering
    for text in (text for each in altering for text in (each.up, each.down)):
        found = [each.split()[2] for each in statements(text, "cluster")]
        assert {"agent_steps_local", "agent_steps"} <= set(found)
        distributed = [each for each in statements(text, "cluster") if "_local" not in each]
        assert all(" COLUMN " in each and "CONSTRAINT" not in each for each in distributed)
