"""What a collector asks of its database before it delivers: an engine, a schema, rules; and what `up` says of them."""

from __future__ import annotations

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.requirements import EngineTooOld, SchemaMissing, require_version
from agenttrace_schemas.migrations import migrations
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.site_vocabulary import VOCABULARY
from tests.support.database import empty_database

pytestmark = pytest.mark.long

EXTENDED = Policy(VOCABULARY.extended({"tool_selection": ["policy_required"]}, {}))


@pytest.fixture
def database() -> ClickHouse:
    """A database of its own, still empty."""
    return empty_database()


@pytest.mark.parametrize("version", ["24.8.4.1", "25.3.6.10034.altinitystable", "9.1"])
def test_an_engine_that_is_too_old_is_refused(version: str) -> None:
    """With the version that is needed."""
    with pytest.raises(EngineTooOld, match=r"25\.5 or later is needed; nothing was changed"):
        require_version(version)


@pytest.mark.parametrize("version", ["25.5.2.1", "26.9.2.1", "101.1"])
def test_later_engines_are_taken(version: str) -> None:
    """Numbers, not texts, are compared."""
    require_version(version)


def test_up_says_what_it_changed(database: ClickHouse) -> None:
    """Rules and times of tables that were there; new tables have theirs from the start."""
    first = Migrator(database, Policy(), {"steps": 86_400.0}).up()
    assert (first.migrations, first.checks, first.ttl) == ([each.name for each in migrations()], [], [])
    second = Migrator(database, EXTENDED, {"steps": 3600.0}).up()
    assert second.migrations == []
    assert "agent_decisions" in second.checks
    assert second.ttl == ["agent_steps", "settled_steps"]


def test_rules_that_are_being_replaced_are_waited_for(database: ClickHouse) -> None:
    """A collector of either configuration that starts meanwhile does not end."""
    Migrator(database, Policy()).up()

    class Interrupted(Migrator):
        def _apply_checks(self, *_: object) -> list[str]:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        Interrupted(database, EXTENDED).up()
    for policy in (Policy(), EXTENDED):
        with pytest.raises(SchemaMissing, match="not applied yet"):
            Migrator(database, policy).verify()
    Migrator(database, EXTENDED).up()
    Migrator(database, EXTENDED).verify()
