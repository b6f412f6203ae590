"""The users of a ClickHouse server and of a cluster, with a row policy on each table that has a tenant."""

from __future__ import annotations

import re
from string import Template
from typing import Final

from agenttrace_schemas.migrations import PROFILES, Profile, migrations

_TABLE: Final = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+) [^(]*\((.*?)\n\)\nENGINE", re.DOTALL)
_TENANT: Final = re.compile(r"^    tenant ", re.MULTILINE)
_FILES: Final[dict[str, Profile]] = {"users.sql": "server", "users-cluster.sql": "cluster"}
_OPENING: Final[dict[Profile, str]] = {
    "server": "-- Users of a ClickHouse server with the least that each needs. Set the passwords first.",
    "cluster": """\
-- Users of a ClickHouse cluster with the least that each needs. Set the passwords first.
-- The cluster's definition in remote_servers needs a <secret>, so that each shard is asked by the user who asks:
-- the row policies are on the tables of the shards. `CLUSTER` is for statements ON CLUSTER, `REMOTE` for making
-- Distributed tables.""",
}
_TEXT: Final = Template("""\
$opening
-- Made by `python -m deploy.generate`, which knows the tables. The engine parses every statement in a test, and the row
-- policies run in it as those of its one user; the statements themselves were not run, because the embedded engine
-- keeps no users.

-- Makes and changes the schema: `agenttrace migrate`, by hand or in a deployment's job. The materialized views that
-- note which runs wait run with its rights (DEFINER): inserts fail when it is dropped.
CREATE USER IF NOT EXISTS agenttrace_migrator$on_cluster IDENTIFIED WITH sha256_password BY 'set-a-password';
GRANT$on_cluster CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, ALTER TABLE, ALTER VIEW, SELECT, INSERT ON agenttrace.* TO agenttrace_migrator;
GRANT$on_cluster SELECT ON system.tables TO agenttrace_migrator;
GRANT$on_cluster SELECT ON system.columns TO agenttrace_migrator;
$migrates
-- Writes rows and settles runs: `exporters.clickhouse.endpoint`. It cannot change what is stored, because an
-- ALTER … UPDATE is not checked, nor delete it.
CREATE USER IF NOT EXISTS agenttrace_collector$on_cluster IDENTIFIED WITH sha256_password BY 'set-a-password';
GRANT$on_cluster SELECT, INSERT ON agenttrace.* TO agenttrace_collector;
GRANT$on_cluster SELECT ON system.tables TO agenttrace_collector;
GRANT$on_cluster SELECT ON system.columns TO agenttrace_collector;

-- Erases: `exporters.clickhouse.purge_endpoint`, for `agenttrace purge`.
CREATE USER IF NOT EXISTS agenttrace_purger$on_cluster IDENTIFIED WITH sha256_password BY 'set-a-password';
GRANT$on_cluster SELECT, ALTER DELETE ON agenttrace.* TO agenttrace_purger;
GRANT$on_cluster INSERT ON agenttrace.counted_since TO agenttrace_purger;
GRANT$on_cluster SELECT ON system.tables TO agenttrace_purger;
$purges
-- Reads, for dashboards and analysts of every tenant. MAX: nobody gives himself more.
CREATE USER IF NOT EXISTS agenttrace_reader$on_cluster IDENTIFIED WITH sha256_password BY 'set-a-password' SETTINGS $limits;
GRANT$on_cluster SELECT ON agenttrace.* TO agenttrace_reader;
-- For the dashboard of the collector, which shows how much is stored.
GRANT$on_cluster SELECT ON system.parts TO agenttrace_reader;

-- Reads of one tenant only: views run with the rights of the user who asks, and the policies filter the tables that
-- they read. Tables without a tenant (progress of settling, thresholds, migrations) have none.
CREATE USER IF NOT EXISTS acme_reader$on_cluster IDENTIFIED WITH sha256_password BY 'set-a-password' SETTINGS $limits;
GRANT$on_cluster SELECT ON agenttrace.* TO acme_reader;
CREATE ROW POLICY IF NOT EXISTS acme$on_cluster ON $tables USING tenant = 'acme' TO acme_reader;
CREATE ROW POLICY IF NOT EXISTS everything$on_cluster ON $tables USING 1 TO agenttrace_migrator, agenttrace_collector, agenttrace_purger, agenttrace_reader;
""")
_LIMITS: Final = (
    "readonly = 2, max_execution_time = 60 MAX 60, max_memory_usage = 4294967296 MAX 4294967296,"
    " max_result_rows = 1000000 MAX 1000000"
)


def tenant_tables(profile: Profile) -> list[str]:
    """The tables that hold rows of tenants, as they are called where they are stored."""
    suffix = "_local" if profile == "cluster" else ""
    made = [found for migration in migrations() for found in _TABLE.findall(migration.up)]
    return [f"{name}{suffix}" for name, columns in made if _TENANT.search(columns)]


def users_files() -> dict[str, str]:
    """Each file of deploy/clickhouse that names users, by its name."""
    return {name: _users(profile) for name, profile in _FILES.items()}


def _users(profile: Profile) -> str:
    cluster = PROFILES[profile]["on_cluster"]
    on_cluster = f" {cluster}" if cluster else ""
    more = {
        "migrates": f"GRANT{on_cluster} CLUSTER, REMOTE ON *.* TO agenttrace_migrator;\n",
        "purges": (
            f"GRANT{on_cluster} INSERT ON agenttrace.counted_since_local TO agenttrace_purger;\n"
            f"GRANT{on_cluster} CLUSTER ON *.* TO agenttrace_purger;\n"
        ),
    }
    return _TEXT.substitute(
        more if cluster else dict.fromkeys(more, ""),
        opening=_OPENING[profile],
        on_cluster=on_cluster,
        limits=_LIMITS,
        tables=", ".join(f"agenttrace.{table}" for table in tenant_tables(profile)),
    )
