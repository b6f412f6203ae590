"""Embedded databases for tests: one engine, and so one directory, for a whole test process."""

from __future__ import annotations

import atexit
import itertools
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_schemas.checks import fingerprint
from agenttrace_schemas.expressions import quoted
from agenttrace_schemas.migrations import views
from agenttrace_schemas.rows import Row, columns
from agenttrace_schemas.rules import Policy

_NUMBERS = itertools.count()
_NOW = "2026-09-21 14:13:20"


@cache
def engine() -> str:
    """The DSN of this process's engine, which runs until the end; its directory is removed then."""
    directory = tempfile.mkdtemp(prefix="agenttrace-test-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    endpoint = f"chdb://{directory}/data"
    # The engine ends with its last connection, and loads every table of every test when it starts again.
    running = ClickHouse(endpoint, "default")
    running.query("SELECT 1")
    atexit.register(running.close)
    return endpoint


def empty_database() -> ClickHouse:
    """A database of its own, without tables."""
    database = ClickHouse(engine(), f"test_{next(_NUMBERS)}")
    database.create_database()
    return database


def new_database(policy: Policy | None = None) -> ClickHouse:
    """A database of its own with the schema and the CHECKs of a policy; migrated once for each policy, then copied."""
    policy = policy or Policy()
    rules, database = fingerprint(policy), empty_database()
    if rules in _MADE:
        _MADE[rules].repeat(database)
    else:
        Migrator(database, policy).up()
        _MADE[rules] = _Schema.of(database)
    return database


@dataclass(frozen=True, slots=True)
class _Schema:
    """What migrating has made: the name of the database, its CREATE statements in order, and a ledger of it."""

    name: str
    statements: Sequence[str]
    ledger: str

    @classmethod
    def of(cls, database: ClickHouse) -> _Schema:
        """Of a database that was just migrated; its ledger is set apart, since tests go on to migrate."""
        ledger = f"{database.name}_ledger.schema_migrations"
        database.command(f"CREATE DATABASE {database.name}_ledger")
        database.command(f"CREATE TABLE {ledger} AS {database.name}.schema_migrations")
        database.command(f"INSERT INTO {ledger} SELECT * FROM {database.name}.schema_migrations")  # noqa: S608
        tables = database.query(
            "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()"
            " ORDER BY engine = 'MaterializedView', name"
        )
        created = {str(name): str(statement) for name, statement in tables}
        # What reads others comes after them: views in their own order, after all tables.
        in_order = [*(name for name in created if name not in views()), *views()]
        return cls(database.name, [created[name] for name in in_order], ledger)

    def repeat(self, database: ClickHouse) -> None:
        """Make the same in another database."""
        for statement in self.statements:
            database.command(statement.replace(f"{self.name}.", f"{database.name}."))
        database.command(f"INSERT INTO schema_migrations SELECT * FROM {self.ledger}")  # noqa: S608


_MADE: dict[str, _Schema] = {}


_MIGRATED: dict[str, ClickHouse] = {}


def migrated(policy: Policy) -> ClickHouse:
    """A database with the schema and the CHECKs of a policy, shared by the tests of this process."""
    rules = fingerprint(policy)
    if rules not in _MIGRATED:
        _MIGRATED[rules] = new_database(policy)
    return _MIGRATED[rules]


_to_be_emptied = cache(new_database)


def emptied() -> ClickHouse:
    """A database with the schema and no rows; the next call empties the same one again."""
    database = _to_be_emptied()
    tables = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND total_rows > 0"
    for (table,) in database.query(tables):
        if table != "schema_migrations":
            database.command(f"TRUNCATE TABLE {table}")
    return database


# What a column holds where a test states nothing else: by column name, else by type.
_BY_NAME: Mapping[str, object] = {
    "status": "success",
    "step_type": "tool",
    "role": "leaf",
    "operation": "execute_tool",
    "source": "agenttrace",
    "failure_type": "tool",
    "failure_code": "timeout",
    "message": "tool failure: timeout",
    "decision_type": "tool_selection",
    "selected": "search_flights",
    "reason_code": "fresh_data_required",
    "signal_type": "tool_success",
    "signal_code": "first_attempt",
    "kind": "span",
    "rule": "span.id",
}
_BY_TYPE: Mapping[str, object] = {
    "Bool": True,
    "Array(String)": [],
    "Array(UUID)": [],
    "Array(LowCardinality(String))": [],
    "Array(UInt32)": [],
    "Array(Int64)": [],
    "Array(Float64)": [],
    "UInt8": 0,
    "UInt32": 0,
    "UInt64": 0,
    "Float64": 0.0,
}


def valid_row(row: type[Row], **values: object) -> dict[str, object]:
    """A row that every CHECK of the table accepts, with these values set."""
    default = {
        name: _BY_NAME.get(name, _BY_TYPE.get(column.type, ""))
        for name, column in columns(row).items()
        if not column.type.startswith(("UUID", "Nullable", "DateTime64", "Map"))
    }
    if row.TABLE in {"agent_steps", "settled_steps"}:
        default["status"] = "ok"
    if row.TABLE == "agent_evaluations":
        default |= {"name": "helpfulness", "score": 0.5}
    if row.TABLE == "agent_outcomes":
        default["status"] = "failure"
    if row.TABLE == "gate_receipts":
        default["kind"] = "refused"
    if row.TABLE.startswith("derived_"):
        default["rule"] = "failure.step"
    return {**default, **values}


def insert_statement(row: type[Row], values: Mapping[str, object]) -> str:
    """A direct SQL insert of one row."""
    literals = ", ".join(map(literal, values.values()))
    settings = "cast_string_to_variant_use_inference = 0"  # a text of digits stays a text
    return f"INSERT INTO {row.TABLE} ({', '.join(values)}) SELECT {literals} SETTINGS {settings}"


def literal(value: object) -> str:
    """A value as SQL writes it; a mapping as the Map of Variants that metadata is."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return f"map({', '.join(f'{literal(key)}, {_variant(each)}' for key, each in value.items())})"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(literal, value))}]"
    return "NULL" if value is None else str(value).lower()


def _variant(value: object) -> str:
    variant = "Variant(Bool, Float64, Int64, String)"
    kinds: dict[type, str] = {bool: "Bool", int: "Int64", float: "Float64", str: "String"}
    kind = kinds.get(type(value), variant)
    return f"CAST(CAST({literal(value)}, '{kind}'), '{variant}')"
