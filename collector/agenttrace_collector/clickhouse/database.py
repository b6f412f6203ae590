"""Opens the configured database and prepares it for inserts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agenttrace_collector.clickhouse.inserter import Inserter, Presence
from agenttrace_collector.config.sections import Config
from agenttrace_schemas.rules import Policy


class Database(Inserter, Protocol):
    """Takes blocks once it is prepared."""

    @property
    def embedded(self) -> bool:
        """True if the engine runs in this process."""

    def prepare(self) -> None:
        """Migrates or verifies the schema; raises `SchemaMismatch`, or `Unavailable` to try again."""

    def presence(self) -> Presence | None:
        """Checks which rows are stored; None if deduplication makes that unnecessary."""

    def close(self) -> None:
        """Closes the connections."""


class NullDatabase:
    """`null://`: takes every block and keeps nothing, for measuring the collector without a database."""

    embedded = True

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Do nothing."""

    def prepare(self) -> None:
        """Do nothing."""

    def presence(self) -> None:
        """Nothing is kept, so nothing is missed."""

    def close(self) -> None:
        """Do nothing."""


def open_database(config: Config, policy: Policy) -> Database:
    """The database of the configuration; libraries of one that is not used are not imported."""
    if config.exporters.clickhouse.endpoint.startswith("null:"):
        return NullDatabase()
    from agenttrace_collector.clickhouse.schema import ManagedClickHouse  # noqa: PLC0415 - see above

    settings = config.exporters.clickhouse
    return ManagedClickHouse(settings.endpoint, settings.database, policy, settings.ttl.model_dump())
