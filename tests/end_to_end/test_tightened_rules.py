"""A collector that is killed with rows in its journal, and started under tighter rules: the rows are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from tests.support.clickhouse_server import clickhouse_server
from tests.support.collector import Collector, start_collector, until_stopped
from tests.support.commands import agenttrace
from tests.support.database import engine
from tests.support.http import counted
from tests.support.plain_http import get, post
from tests.support.receivers import wait_until
from tests.support.run_documents import DECISION, run_document

pytestmark = pytest.mark.long
NAME = "tightened"


def command(settings: Mapping[str, str], *words: str, code: int = 0) -> str:
    """What a command says under these settings, and ends with."""
    overrides = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    ended = agenttrace(*words, *overrides)
    assert ended.returncode == code, ended.stderr
    return ended.stdout + ended.stderr


def answers(collector: Collector) -> bool:
    """Whether the API does."""
    return get(collector.url("health", "/ready/api")).status_code == 200


def test_rows_of_a_killed_collector_outlive_tighter_rules(tmp_path: Path) -> None:
    """Counted by migrate, by the start, in the metrics and by doctor; delivered once the rules are loosened."""
    with clickhouse_server() as server:

        def rules(labels: str) -> Mapping[str, str]:
            return {
                "exporters.clickhouse.endpoint": server.endpoint,
                "exporters.clickhouse.database": NAME,
                "journal.directory": str(tmp_path / "journal"),
                "processors.enforce.labels": labels,
            }

        database = ClickHouse(engine(), NAME)
        command(rules("relaxed"), "migrate", "up")
        collector = start_collector(tmp_path, rules("relaxed"))
        with until_stopped(collector):
            wait_until(lambda: answers(collector))
            server.away = True
            for selected in ("two words", "search_flights"):
                document = run_document(decisions=[{**DECISION, "selected": selected, "candidates": []}])
                assert post(collector.url("api", "/v1/runs"), json=document).status_code == 201
            assert counted(collector, "agenttrace_journal_rows") > 0
            collector.kill()
        server.away = False

        said = command(rules("token"), "migrate", "up")
        assert "waiting in the journal: 1 rows of agent_decisions are refused by these rules" in said
        collector = start_collector(tmp_path, rules("token"))
        with until_stopped(collector):
            wait_until(lambda: counted(collector, "agenttrace_rows_stored") > 0)
            wait_until(lambda: counted(collector, "agenttrace_journal_rows") == 0)
            assert counted(collector, "agenttrace_journal_set_aside_rows") == 1
            assert counted(collector, "agenttrace_rows_refused") == 0
            assert "1 rows of agent_decisions are set aside" in command(collector.settings, "doctor")
            told = "1 rows of agent_decisions that waited are refused by the present rules"
            assert told in collector.log()
            collector.kill()
        assert "1 rows are left" in command(rules("token"), "collector", "drain", "--within", "20", code=69)

        command(rules("relaxed"), "migrate", "up")
        collector = start_collector(tmp_path, rules("relaxed"))
        with until_stopped(collector):
            wait_until(lambda: counted(collector, "agenttrace_journal_set_aside_rows") == 0)
            wait_until(lambda: counted(collector, "agenttrace_journal_rows") == 0)
        assert "0 rows are given up" in command(rules("relaxed"), "collector", "discard", "--yes")
        found = database.query("SELECT selected FROM agent_decisions ORDER BY selected")
        assert [selected for (selected,) in found] == ["search_flights", "two words"]
        assert database.query("SELECT count() FROM agent_rejections")[0][0] == 0
