"""ClickHouse with its schema: an embedded one is migrated by the collector that owns it, a server is checked."""

from __future__ import annotations

from collections.abc import Mapping

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.inserter import AppliedRules, Presence
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.rule_check import RuleCheck
from agenttrace_collector.clickhouse.verify import TablePresence
from agenttrace_schemas.rules import Policy


class ManagedClickHouse(ClickHouse):
    """A ClickHouse that can make sure of its schema."""

    def __init__(
        self, endpoint: str, database: str, policy: Policy, ttl: Mapping[str, float | None] | None = None
    ) -> None:
        super().__init__(endpoint, database)
        self._migrator = Migrator(self, policy, ttl or {})
        self._rules = RuleCheck(self, policy)

    def presence(self) -> Presence:
        """Asks for rows by their ids."""
        return TablePresence(self.query)

    def rules(self) -> AppliedRules:
        """Asks for the rows that the rules of the policy refuse."""
        return self._rules

    def prepare(self) -> None:
        """Migrate an embedded database; of a server verify schema and CHECKs, which others may share."""
        if self.embedded:
            self._migrator.up()
        else:
            self._migrator.verify()
