"""Which database the configuration names, and what has to be true of it before rows go there."""

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
        """Whether it runs in this process."""

    def prepare(self) -> None:
        """Make or find the schema of this version; raises `SchemaMismatch`, or `Unavailable` to try again."""

    def presence(self) -> Presence | None:
        """What tells which rows are there, None where nobody need ask."""

    def close(self) -> None:
        """Let go of it."""


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
