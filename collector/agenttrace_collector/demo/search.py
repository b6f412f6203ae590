"""Looks for what was said in everything that the demonstration stored."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from agenttrace_collector.demo.coding_agents import CANARY, sessions
from agenttrace_collector.demo.report import ReportDatabase

_TABLES = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree%'"


class Search(NamedTuple):
    """How many marked texts were sent, where they were looked for, and how many were found."""

    sent: int
    tables: int
    rows: int
    files: int
    found: int


def search(database: ReportDatabase, directory: Path) -> Search:
    """Look through every row of every table, and the bytes of every file, compressed ones as they lie there."""
    tables = [str(name) for (name,) in database.read(_TABLES)[1]]
    contents = [database.read(f"SELECT * FROM {table}")[1] for table in tables]  # noqa: S608 - our own tables
    stored = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    word = CANARY.decode()
    found = sum(word in repr(row) for rows in contents for row in rows)
    return Search(
        sent=sum(body.count(CANARY) for session in sessions() for body in session.requests),
        tables=len(tables),
        rows=sum(map(len, contents)),
        files=len(stored),
        found=found + sum(CANARY in content for content in stored),
    )
