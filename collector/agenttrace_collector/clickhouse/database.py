"""Opens the configured database: to write, to read, or to purge; `null://` is known here alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from agenttrace_collector.clickhouse.inserter import AppliedRules, Inserter, Presence
from agenttrace_collector.config.directories import DATABASE_SETTING
from agenttrace_collector.config.problems import ConfigError, Position, Problem
from agenttrace_collector.config.sections import ClickHouseExporter as Settings
from agenttrace_collector.config.sections import Config
from agenttrace_schemas.rules import Policy

if TYPE_CHECKING:
    from agenttrace_collector.clickhouse.client import ClickHouse


class Database(Inserter, Protocol):
    """Accepts inserts once it is prepared."""

    @property
    def embedded(self) -> bool:
        """True if the engine runs in this process."""

    def prepare(self) -> None:
        """Migrates or verifies the schema; raises `SchemaMismatch`, or `Unavailable` to try again."""

    def presence(self) -> Presence | None:
        """Checks which rows are stored; None if deduplication makes that unnecessary."""

    def rules(self) -> AppliedRules | None:
        """Checks which rows break a rule; None if none is refused."""

    def close(self) -> None:
        """Closes the connections."""


class NullDatabase:
    """`null://`: discards every block, to measure the collector without a database."""

    embedded = True

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Do nothing."""

    def prepare(self) -> None:
        """Do nothing."""

    def presence(self) -> None:
        """None: nothing is stored, so nothing can be missing."""

    def rules(self) -> None:
        """None: nothing is refused."""

    def close(self) -> None:
        """Do nothing."""


def open_writer(config: Config, policy: Policy) -> Database:
    """Opens the configured database for inserts; call `prepare` before the first one."""
    settings = config.exporters.clickhouse
    if _is_null(settings.endpoint):
        return NullDatabase()
    from agenttrace_collector.clickhouse.schema import ManagedClickHouse  # noqa: PLC0415 - see `_connect`

    return ManagedClickHouse(settings.endpoint, settings.database, policy, settings.ttl.model_dump())


def open_reader(settings: Settings) -> ClickHouse | None:
    """Opens the configured database with connections of its own; None for `null://`, which stores nothing."""
    return _connect(settings.endpoint, settings)


def open_database(settings: Settings) -> ClickHouse:
    """Opens the configured database for a command; raises `ConfigError` for `null://`, which stores nothing."""
    if database := open_reader(settings):
        return database
    problem = Problem(
        Position("configuration"), DATABASE_SETTING, "must be a database: null:// stores nothing"
    )
    raise ConfigError([problem])


def open_purger(settings: Settings) -> ClickHouse | None:
    """As `open_reader`, as the user of `purge_endpoint` if that is configured."""
    return _connect(settings.purge_endpoint or settings.endpoint, settings)


def _connect(endpoint: str, settings: Settings) -> ClickHouse | None:
    if _is_null(endpoint):
        return None
    # The driver's libraries are not imported where they are not used.
    from agenttrace_collector.clickhouse.client import ClickHouse  # noqa: PLC0415

    return ClickHouse(endpoint, settings.database)


def _is_null(endpoint: str) -> bool:
    return endpoint.startswith("null:")
