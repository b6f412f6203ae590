"""Engines as processes of their own: of another version, with users of their own, or as a cluster of two shards."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from agenttrace_schemas.migrations import migrations, statements

DATABASE: Final = "agenttrace"
_SERVER: Final = Path(__file__).with_name("engine_server.py")
_SHARD_OF_RUN: Final = "cityHash64(ifNull(run_id, toUUID('00000000-0000-0000-0000-000000000000'))) % 2 + 1"
# Both shards are this engine: what each of them reads is told by a row policy on the local tables, in which
# `shardNum()` is the shard that a distributed query asks, 0 outside of one.
_CONFIG: Final = """<clickhouse>
    <tcp_port>19000</tcp_port>
    <users_config>{users}</users_config>
    <macros><cluster>agenttrace</cluster></macros>
    <remote_servers>
        <agenttrace>
            <shard><replica><host>127.0.0.1</host><port>19000</port></replica></shard>
            <shard><replica><host>127.0.0.1</host><port>19000</port></replica></shard>
        </agenttrace>
    </remote_servers>
</clickhouse>
"""
_USERS: Final = """<clickhouse>
    <profiles><default></default></profiles>
    <quotas><default></default></quotas>
    <users><default>
        <password></password>
        <networks><ip>127.0.0.1</ip></networks>
        <profile>default</profile>
        <quota>default</quota>
        <databases>{databases}</databases>
    </default></users>
</clickhouse>
"""


def local_tables() -> dict[str, bool]:
    """The tables that hold rows on a cluster, by name, with whether they are sharded by run."""
    made = [each for migration in migrations() for each in statements(migration.up, "cluster")]
    tables = {each.split()[5]: "run_id" in each for each in made if each.startswith("CREATE TABLE")}
    return {f"{name}_local": by_run for name, by_run in tables.items() if not name.endswith("_local")}


def shard_filters() -> dict[str, str]:
    """Which rows of each local table the shard that is asked has."""
    filters = {
        table: f"shardNum() IN (0, {_SHARD_OF_RUN})" if by_run else "shardNum() IN (0, 1)"
        for table, by_run in local_tables().items()
    }
    return {**filters, "schema_migrations_local": "shardNum() IN (0, 1)"}


def row_policies(users: str, policy: str, tenant: str) -> dict[str, str]:
    """The filter of each table by a policy of a file of users, made that of another tenant."""
    found = re.search(
        rf"CREATE ROW POLICY IF NOT EXISTS {policy} .*?ON (agenttrace\..*?) USING (.*?) TO", users
    )
    assert found
    condition = found[2].replace(f"'{policy}'", f"'{tenant}'")
    return dict.fromkeys(found[1].replace("agenttrace.", "").split(", "), condition)


def write_config(directory: Path, filters: Mapping[str, str]) -> Path:
    """The configuration of an engine of two shards whose user `default` sees rows by these filters of tables."""
    policies = "".join(
        f"<{table}><filter>{escape(condition)}</filter></{table}>" for table, condition in filters.items()
    )
    users, config = directory / "users.xml", directory / "config.xml"
    users.write_text(_USERS.format(databases=f"<{DATABASE}>{policies}</{DATABASE}>"))
    config.write_text(_CONFIG.format(users=users))
    return config


@contextmanager
def running_engine(
    directory: Path, config: Path | None = None, *, is_cluster: bool = False, python: str = sys.executable
) -> Iterator[str]:
    """The endpoint of an engine on the data of a directory, until the block ends."""
    # `-P`: the folder of the script has an `http` of its own.
    command = [python, "-P", str(_SERVER), str(directory / "data"), str(config or "")]
    process = subprocess.Popen(
        [*command, *(["--one-node"] if is_cluster else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        port = process.stdout.readline().strip()
        assert port, "the engine has not started"
        yield f"http://127.0.0.1:{port}?compress=false"
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


@contextmanager
def running_cluster(directory: Path) -> Iterator[str]:
    """The endpoint of an engine that is a cluster of two shards."""
    with running_engine(directory, write_config(directory, shard_filters()), is_cluster=True) as endpoint:
        yield endpoint
