"""`agenttrace migrate` on an embedded database, in processes of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.collector import running_collector
from tests.support.commands import agenttrace

pytestmark = pytest.mark.long


def on(directory: Path) -> list[str]:
    """The option that names the database of a test."""
    return ["--set", f"exporters.clickhouse.endpoint=chdb://{directory / 'data'}"]


def test_up_status_down_and_up(tmp_path: Path) -> None:
    """Each subcommand says what it did."""
    where = on(tmp_path)
    assert "applied: runs_steps_failures, decisions_signals" in agenttrace("migrate", "up", *where).stdout
    assert "0002  applied" in agenttrace("migrate", "status", *where).stdout
    assert "runs_steps_failures" in agenttrace("migrate", "down", "--yes", *where).stdout
    assert "0001  missing" in agenttrace("migrate", "status", *where).stdout
    assert "applied" in agenttrace("migrate", "up", *where).stdout


def test_a_directory_that_a_collector_owns_is_left_to_it(tmp_path: Path) -> None:
    """One process a directory: the command says who migrates it."""
    with running_collector(tmp_path):
        refused = agenttrace("migrate", "up", *on(tmp_path))
    assert refused.returncode == 69
    assert "migrated by that collector" in refused.stderr


def test_audit_of_a_sound_database(tmp_path: Path) -> None:
    """It says so, and nothing else."""
    where = on(tmp_path)
    agenttrace("migrate", "up", *where)
    audited = agenttrace("migrate", "audit", *where)
    assert (audited.returncode, audited.stdout) == (0, "every stored row keeps every rule\n")


def test_render_prints_the_schema_of_a_cluster(tmp_path: Path) -> None:
    """No database is needed or touched."""
    printed = agenttrace("migrate", "render", "--profile", "cluster", *on(tmp_path)).stdout
    assert "CREATE TABLE IF NOT EXISTS agent_decisions_local ON CLUSTER" in printed
    assert "ALTER TABLE agent_decisions_local ON CLUSTER" in printed
    assert not (tmp_path / "data").exists()


def test_render_knows_its_profiles() -> None:
    """Another is named with what there is."""
    refused = agenttrace("migrate", "render", "--profile", "mainframe")
    assert (refused.returncode, "server, cluster" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    "command", [["migrate", "up"], ["migrate", "audit"], ["rederive", "--since", "2026-01-01"]]
)
def test_a_database_that_stores_nothing_is_refused_by_name(command: list[str]) -> None:
    """`null://` is for measuring a collector: there is nothing to migrate or to settle."""
    refused = agenttrace(*command, "--set", "exporters.clickhouse.endpoint=null://")
    assert refused.returncode == 2
    assert "exporters.clickhouse.endpoint: must be a database" in refused.stderr
    assert "Traceback" not in refused.stderr
