"""The users of a server and of a cluster: statements that the engine parses, the least rights, policies that run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import count, product
from pathlib import Path

import clickhouse_connect
import pytest

from agenttrace_collector.clickhouse.client import ClickHouse, QueryRejected
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.migrations import Profile, views
from agenttrace_schemas.retention import TIMES
from agenttrace_schemas.rows import columns
from agenttrace_schemas.rules import Policy
from deploy.generate.users import users_files
from tests.support.database import engine, insert_statement, valid_row
from tests.support.engines import DATABASE, row_policies, running_engine, shard_filters, write_config

pytestmark = pytest.mark.long

FOLDER = Path(__file__).parents[2] / "deploy" / "clickhouse"
FILES = tuple(users_files())
PROFILE_OF: dict[str, Profile] = {"users.sql": "server", "users-cluster.sql": "cluster"}
TENANTS = ("acme", "initech")
# So many that each of two shards has some of each tenant.
RUNS_OF_TENANT = 4
# What a view says of a run's tenant where it has no column of that name.
OF_TENANT = {
    "otel_traces_trace_id_ts": "['acme', 'initech'][1 + toUInt8(substring(TraceId, 32)) % 2]",
}


def statements(name: str) -> list[str]:
    """The statements of a file."""
    text = re.sub(r"(?m)^--.*$", "", (FOLDER / name).read_text())
    return [statement.strip() for statement in text.split(";\n") if statement.strip()]


@pytest.mark.parametrize("name", FILES)
def test_the_engine_parses_each_statement(name: str) -> None:
    """One by one; none is run."""
    with clickhouse_connect.get_client(dsn=engine()) as client:
        for statement in statements(name):
            asked = "SELECT formatQuerySingleLine({text:String})"
            formatted = client.query(asked, {"text": statement}).result_rows
            assert str(formatted[0][0]).split()[0] in {"CREATE", "GRANT"}


def granted(name: str, user: str) -> set[str]:
    """The rights of a user on our database."""
    grants = [each for each in statements(name) if each.startswith("GRANT") and each.endswith(f"TO {user}")]
    found = [re.match(r"GRANT (?:ON CLUSTER '\{cluster\}' )?(.*) ON agenttrace\.\*", each) for each in grants]
    return {right for each in found if each for right in each[1].split(", ")}


@pytest.mark.parametrize("name", FILES)
def test_nobody_gets_more(name: str) -> None:
    """The collector changes and deletes nothing, the purger writes down that it erased alone, readers read."""
    assert granted(name, "agenttrace_collector") == {"SELECT", "INSERT"}
    assert granted(name, "agenttrace_purger") == {"SELECT", "ALTER DELETE"}
    text = (FOLDER / name).read_text()
    inserts = [line for line in text.splitlines() if "INSERT ON" in line and "agenttrace_purger" in line]
    assert all(" INSERT ON agenttrace.counted_since" in line for line in inserts)
    assert granted(name, "agenttrace_reader") == granted(name, "acme_reader") == {"SELECT"}


@pytest.fixture(
    scope="module", params=["users.sql", pytest.param("users-cluster.sql", marks=pytest.mark.long)]
)
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A file of users, and a directory whose database has runs of each of two tenants, settled."""
    directory = tmp_path_factory.mktemp("tenants")
    profile = PROFILE_OF[str(request.param)]
    with engine_of(profile, directory, directory, {}) as endpoint:
        database = ClickHouse(endpoint, DATABASE)
        Migrator(database, Policy(), profile=profile).up()
        numbers = count(1)
        for row, (run, tenant) in product(ALL_ROWS, enumerate(TENANTS * RUNS_OF_TENANT)):
            values: dict[str, object] = {"tenant": tenant, "agent_id": tenant}
            time = TIMES.get(row.TABLE, "received_at")
            values |= {"run_id": _id(run), "trace_id": _id(run), time: "2026-09-01 12:00:00"}
            key = next(name for name in columns(row) if name.endswith("_id"))
            chosen = {name: value for name, value in values.items() if name in columns(row)}
            database.command(insert_statement(row, valid_row(row, **{key: _id(next(numbers)), **chosen})))
        settler = Settler(SettlingStore(database), Policy(), Config(derive=Derive(quiet=0.001)))
        while database.query("SELECT count() FROM unsettled_runs")[0][0]:
            settler.settle_waiting()
    return str(request.param), directory


def engine_of(
    profile: Profile, data: Path, configured: Path, policies: Mapping[str, str]
) -> AbstractContextManager[str]:
    """The engine on this data whose user sees the rows of these policies; as a cluster, of two shards."""
    if profile == "server":
        return running_engine(data, write_config(configured, policies))
    both = {
        table: f"({of_shard}) AND ({policies.get(table, '1')})" for table, of_shard in shard_filters().items()
    }
    return running_engine(data, write_config(configured, both), is_cluster=True)


def _id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def test_a_policy_on_every_table_breaks_the_views(tmp_path: Path) -> None:
    """Why the files name tables: a table without a tenant cannot be filtered by it."""
    with running_engine(tmp_path) as endpoint:
        Migrator(ClickHouse(endpoint, DATABASE), Policy()).up()
    config = write_config(tmp_path, {"settle_progress": "tenant = 'acme'"})
    with running_engine(tmp_path, config) as endpoint, pytest.raises(QueryRejected):
        ClickHouse(endpoint, DATABASE).query("SELECT count() FROM runs")


@pytest.fixture(scope="module", params=TENANTS)
def tenant(
    request: pytest.FixtureRequest, stored: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, ClickHouse]]:
    """A tenant, and the database as its reader sees it: the policies of the file are those of the engine's user."""
    name, data = stored
    policies = row_policies((FOLDER / name).read_text(), "acme", str(request.param))
    with engine_of(PROFILE_OF[name], data, tmp_path_factory.mktemp("users"), policies) as endpoint:
        yield str(request.param), ClickHouse(endpoint, DATABASE)


def test_a_tenant_sees_its_own_rows_in_every_view(tenant: tuple[str, ClickHouse]) -> None:
    """All of them, and nobody else's; the views themselves have no policy."""
    name, database = tenant
    for view in views():
        if view in {"unsettled_runs", "live_runs"}:
            continue
        column = OF_TENANT.get(view, "tenant")
        found = {value for (value,) in database.query(f"SELECT DISTINCT {column} FROM {view}")}  # noqa: S608
        assert found == {name}, view
    assert database.query("SELECT count() FROM runs") == [(RUNS_OF_TENANT,)]


def test_a_tenant_sees_its_own_rows_in_every_table(tenant: tuple[str, ClickHouse]) -> None:
    """A table that has a tenant and no policy would show all; on a cluster the table of a shard and that over all."""
    name, database = tenant
    tables = database.query(
        "SELECT DISTINCT table FROM system.columns JOIN system.tables AS t ON t.name = table AND t.database = database"
        " WHERE database = currentDatabase() AND columns.name = 'tenant'"
        " AND (engine LIKE '%MergeTree' OR engine = 'Distributed')"
    )
    assert len(tables) > len(ALL_ROWS)
    for (table,) in tables:
        found = {value for (value,) in database.query(f"SELECT DISTINCT tenant FROM {table}")}  # noqa: S608
        assert found == {name}, table
