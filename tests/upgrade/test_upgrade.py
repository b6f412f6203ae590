"""Databases of earlier releases: migrated by this one they answer every query as they did."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from agenttrace_collector.query.catalogue import catalogue
from tests.support.commands import agenttrace
from tests.support.query import answers as rows
from tests.upgrade.asked import answers
from tests.upgrade.make import FOLDER, FOR_EVER

pytestmark = pytest.mark.long

RELEASES = sorted(path.name.removesuffix(".tar.xz") for path in FOLDER.glob("*.tar.xz"))
FIRST = "0.1.0"
# Rows that were stored before a rule was there.
BROKEN = {FIRST: "agent_steps.tool_name: 80 rows break tool.confirmed\n"}
# Derived by the rules of the first release, and not since version 2 of the rules.
NOT_REACHED = {"under_threshold", "low_usage"}
# Columns that came later are empty in the rows of the first schema.
LATER = "call_id, cache_read_tokens, cache_write_tokens, cost_nano_usd, decision_id, tool_name, wait_ms"
COUNT = f"SELECT count() AS rows, sum(cityHash64(* EXCEPT ({LATER}))) AS hash FROM {{}}"  # noqa: S608 - names of ours
RECORDED = ("agent_runs", "agent_steps", "agent_failures", "agent_decisions", "agent_quality_signals")


def ran(directory: Path, *arguments: str, code: int = 0) -> str:
    """What a command on this database prints; it ends with this code."""
    settings = [f"{name.replace('__', '.')}={value}" for name, value in FOR_EVER.items()]
    settings.append(f"exporters.clickhouse.endpoint=chdb://{directory / 'data'}")
    chosen = [part for setting in settings for part in ("--set", setting)]
    done = agenttrace(*arguments, *chosen)
    assert done.returncode == code, done.stderr
    return done.stdout


def unpacked(release: str, directory: Path) -> Path:
    """The database of a release, as it was left."""
    with tarfile.open(FOLDER / f"{release}.tar.xz") as packed:
        packed.extractall(directory, filter="data")
    return directory / "data"


def answered(release: str) -> dict[str, Any]:
    """What that release answered."""
    found: dict[str, Any] = json.loads((FOLDER / f"{release}.json").read_text())
    return found


def as_then(rows: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of an answer without the columns that it did not have."""
    return [{name: row[name] for name in row if name in before[0]} for row in rows]


def test_the_first_release_is_kept() -> None:
    """Its database and its answers."""
    assert FIRST in RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_a_migrated_database_answers_every_query(release: str, tmp_path: Path) -> None:
    """As the release itself did, a query that is new included; the audit names the rows that break a new rule."""
    data = unpacked(release, tmp_path)
    ran(tmp_path, "migrate", "up")
    found = answers(data)
    assert found.keys() == catalogue().keys()
    before = answered(release)
    assert {name: as_then(found[name], before[name]) for name in before} == before
    assert ran(tmp_path, "migrate", "audit", code=1) == BROKEN[release]


def test_every_query_has_an_answer() -> None:
    """What is compared is no list of nothing."""
    assert [name for name, rows in answered(FIRST).items() if not rows] == []


def test_an_older_schema_is_migrated_with_its_rows(tmp_path: Path) -> None:
    """What was recorded stays; what is derived comes back by `rederive`, and the answers with it."""
    data = unpacked(FIRST, tmp_path)
    counts = [COUNT.format(table) for table in RECORDED]
    before = rows(data, counts)
    ran(tmp_path, "migrate", "down", "--to", "2", "--yes")
    ran(tmp_path, "migrate", "up")
    assert rows(data, counts) == before
    ran(tmp_path, "rederive", "--since", "2000-01-01")
    still_derived = [
        row for row in answered(FIRST)["signals_aggregate"] if row["signal_code"] not in NOT_REACHED
    ]
    assert answers(data)["signals_aggregate"] == still_derived
