"""Every named query asked of an embedded database: `python -m tests.upgrade.asked DIRECTORY` prints the answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.query.catalogue import catalogue
from agenttrace_collector.query.reader import Reader

# What each parameter is where a query has it; every other text is empty and filters nothing.
_ASKED: Final = {
    "start_time": datetime(2000, 1, 1, tzinfo=UTC),
    "end_time": datetime(2100, 1, 1, tzinfo=UTC),
    "step": 86_400,
    "limit": 20,
    "offset": 0,
}
# Two versions are compared of one agent, and the fixture has one version of each.
_COMPARED: Final = {"agent_id": "airline-support", "version_a": "gpt-4o", "version_b": "gpt-4o"}
# A run with a failure, decisions and signals: the fixture has one.
_RUN: Final = """
SELECT min(run_id) FROM failures
WHERE run_id IN (SELECT run_id FROM decisions) AND run_id IN (SELECT run_id FROM quality_signals)
"""


def answers(directory: Path) -> dict[str, Any]:
    """The rows of every query, by its name; asked by a process of its own, which owns the database."""
    command = [sys.executable, "-m", "tests.upgrade.asked", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(directory: str) -> None:
    """Ask and print."""
    json.dump(answers_of(ClickHouse(f"chdb://{directory}")), sys.stdout, indent=1)


def answers_of(
    database: ClickHouse, names: Iterable[str] | None = None, tenant: str = "default", **chosen: str
) -> dict[str, Any]:
    """The rows of these queries or all, by name; `chosen` are parameters of those that compare two versions."""
    ((run_id,),) = database.query(_RUN)
    asked, reader = {**_ASKED, "run_id": run_id}, Reader(database)
    found = {}
    for name in names or catalogue():
        query = catalogue()[name]
        known = {**asked, **({**_COMPARED, **chosen} if name.startswith("compare_") else {})}
        values = {key: known.get(key, "") for key in query.parameters}
        rows = reader.ask_now(name, tenant, values).records()
        found[name] = sorted((_plain(row) for row in rows), key=json.dumps)
    reader.close()
    return found


def _plain(row: Any) -> Any:
    """As JSON has it; the last digits of a number are the engine's own."""
    return json.loads(json.dumps(row, default=str), parse_float=lambda text: float(f"{float(text):.9g}"))


if __name__ == "__main__":
    main(sys.argv[1])
