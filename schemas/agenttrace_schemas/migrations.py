"""Numbered migrations and how they render for an embedded database, a server and a cluster."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from agenttrace_schemas.template import render

Profile = Literal["server", "cluster"]

_FILE: Final = re.compile(r"(\d{4})_(\w+)\.up\.sql")
_REQUIRES: Final = re.compile(r"^-- requires: (\w+)\(([^)]*)\)$", re.MULTILINE)
_MAKES: Final = re.compile(r"^CREATE TABLE IF NOT EXISTS (\w+)", re.MULTILINE)
# The tables whose rows have their run wait, each with the time that places its rows; as the materialized views say.
_MARKED: Final = (
    ("agent_runs", "started_at"),
    ("agent_steps", "started_at"),
    ("agent_failures", "occurred_at"),
    ("agent_decisions", "recorded_at"),
    ("agent_quality_signals", "recorded_at"),
    ("span_links", "started_at"),
    ("agent_outcomes", "recorded_at"),
)
_TABLE: Final = re.compile(r"(CREATE TABLE(?: IF NOT EXISTS)?|DROP TABLE(?: IF EXISTS)?) (\w+)")
_ALTER: Final = re.compile(r"ALTER TABLE (\w+)([^\n]*)\n")
_COLUMNS: Final = re.compile(r"^    (?!INDEX )(\w+ \S.*?)(?: CODEC\(.*)?,?$", re.MULTILINE)
_HAS_RUN: Final = re.compile(r"^\s+run_id ", re.MULTILINE)
_BY_RUN: Final = "cityHash64(ifNull(run_id, toUUID('00000000-0000-0000-0000-000000000000')))"
_COMMENT: Final = re.compile(r"^--.*$", re.MULTILINE)
# Inserts carry a token; a block that is sent again under its token within so many inserts is stored
# once. Old partitions merge to one part, so that FINAL has nothing to merge when it reads them. An
# insert that has returned is on disk, because the journal lets go of its rows then.
_SETTINGS: Final = (
    "ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000,"
    " min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1,"
    " fsync_after_insert = 1, fsync_part_directory = 1"
)
# The embedded engine and a server alone take the same statements; a cluster is written for
# replicas of shards that share a Keeper.
PROFILES: Final[Mapping[Profile, Mapping[str, str]]] = {
    "server": {
        "on_cluster": "",
        "engine": "ReplacingMergeTree",
        "plain_engine": "MergeTree",
        "settings": _SETTINGS,
        "everywhere": "",
    },
    "cluster": {
        "on_cluster": "ON CLUSTER '{cluster}'",
        "engine": "ReplicatedReplacingMergeTree",
        "plain_engine": "ReplicatedMergeTree",
        "settings": _SETTINGS.replace("non_replicated", "replicated"),
        # A subquery is asked once over all shards, and each of them is told its answer.
        "everywhere": "GLOBAL",
    },
}


# What was done to a schema: each migration, and the CHECKs by their fingerprint under version 0.
LEDGER: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations ${on_cluster}
(
    version UInt32,
    name LowCardinality(String),
    checksum FixedString(64),
    direction Enum8('up' = 1, 'down' = 2, 'checks' = 3),
    applied_at DateTime64(9, 'UTC')
)
ENGINE = ${plain_engine} ORDER BY (applied_at, version);
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, up and down; `requires` maps tables to the columns it builds on."""

    version: int
    name: str
    up: str
    down: str
    requires: Mapping[str, tuple[str, ...]]

    @property
    def checksum(self) -> str:
        """A digest of both files, recorded when the migration is applied."""
        return hashlib.sha256(f"{self.up}\0{self.down}".encode()).hexdigest()

    @property
    def makes(self) -> tuple[str, ...]:
        """The tables that the migration makes; each statement may run again where one was interrupted."""
        return tuple(_MAKES.findall(self.up))


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations in the order of their numbers."""
    folder = files(__package__).joinpath("sql")
    found = filter(None, (_FILE.fullmatch(file.name) for file in folder.iterdir()))
    return tuple(_load(*match.group(1, 2)) for match in sorted(found, key=lambda match: match.group(1)))


def _load(number: str, name: str) -> Migration:
    folder = files(__package__).joinpath("sql")
    up = folder.joinpath(f"{number}_{name}.up.sql").read_text(encoding="utf-8")
    down = folder.joinpath(f"{number}_{name}.down.sql").read_text(encoding="utf-8")
    requires = {table: tuple(columns.split(", ")) for table, columns in _REQUIRES.findall(up)}
    return Migration(int(number), name, up, down, requires)


def views() -> dict[str, str]:
    """The statements that make the views, by name of the view; made anew by each `migrate up`."""
    folder = files(__package__).joinpath("sql", "views")
    if not folder.is_dir():
        return {}
    named = sorted((file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir())
    return {name.removesuffix(".sql").split("_", 1)[1]: text for name, text in named if name.endswith(".sql")}


def stored_table(table: str, profile: Profile) -> str:
    """What an ALTER names: on a cluster the table that holds the rows, on every node."""
    return f"{table}_local {PROFILES[profile]['on_cluster']}" if profile == "cluster" else table


def mark_runs(new: Container[str]) -> list[str]:
    """The statements by which runs wait to be settled whose rows were there before these new tables."""
    if "run_marks" in new:
        return _mark_stored_runs() if "agent_steps" not in new else []
    return _mark_unplaced_runs() if "uncounted_runs" in new else []


def _mark_stored_runs() -> list[str]:
    """The statements by which the runs of rows that are there wait to be settled, as if the rows came now."""
    return [
        f"INSERT INTO run_marks SELECT now64(9), tenant, run_id, min({time}), max({time}), 0 FROM {table}"  # noqa: S608
        " GROUP BY tenant, run_id"
        for table, time in _MARKED
    ]


def _mark_unplaced_runs() -> list[str]:
    """The statements by which runs that have no facts, but records, wait to be settled and to be noted as uncounted."""
    return [
        f"INSERT INTO run_marks SELECT now64(9), tenant, run_id, min({time}), max({time}), 0 FROM {table}"  # noqa: S608
        " WHERE (tenant, run_id) GLOBAL NOT IN (SELECT tenant, run_id FROM run_facts) GROUP BY tenant, run_id"
        for table, time in _MARKED
        if table in ("agent_failures", "agent_decisions", "agent_quality_signals")
    ]


def ledger_entry(version: int, name: str, checksum: str, direction: str, *, at: str = "now64(9)") -> str:
    """The statement that records a step in the ledger; `at` is an expression of ClickHouse."""
    return f"INSERT INTO schema_migrations SELECT {version}, '{name}', '{checksum}', '{direction}', {at}"


def statements(sql: str, profile: Profile = "server") -> list[str]:
    """The statements of a file for a profile, one by one, without comments."""
    rendered = render(_COMMENT.sub("", sql), PROFILES[profile])
    parts = [stripped for part in rendered.split(";\n") if (stripped := part.strip().rstrip(";"))]
    return [each for part in parts for each in _sharded(part)] if profile == "cluster" else parts


def _sharded(statement: str) -> Iterator[str]:
    """On a cluster a table is local to its shard, and one over all shards takes its name.

    Rows go to shards by their run, so that a run stays together; a table without runs is small, and the first
    shard holds it.
    """
    if found := _ALTER.match(statement):
        yield from _altered(found, statement[found.end() :])
        return
    if not (found := _TABLE.match(statement)):
        yield statement
        return
    verb, name = found.groups()
    cluster = PROFILES["cluster"]["on_cluster"]
    yield f"{verb} {name}_local{statement[found.end() :]}"
    if verb.startswith("DROP"):
        yield f"{verb} {name} {cluster} SYNC"
    else:
        key = _BY_RUN if _HAS_RUN.search(statement) else "0"
        engine = f"Distributed('{{cluster}}', currentDatabase(), {name}_local, {key})"
        # Of its own: a table made `AS` the local one would have CHECKs too, which no ALTER can change there.
        yield f"{verb} {name} {cluster} ({', '.join(_COLUMNS.findall(statement))}) ENGINE = {engine}"


def _altered(head: re.Match[str], changes: str) -> Iterator[str]:
    """An ALTER of a local table, and its columns (not its CHECKs) in the table over all shards."""
    table, cluster = head.groups()
    yield f"ALTER TABLE {table}_local{cluster}\n{changes}"
    columns = [each for each in changes.split(",\n") if " COLUMN " in each]
    yield f"ALTER TABLE {table}{cluster}\n" + ",\n".join(columns)
