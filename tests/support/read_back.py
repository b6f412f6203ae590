"""Everything an embedded database holds, printed by a process of its own: one engine, one directory.

`python -m tests.support.read_back DIRECTORY` writes each table as JSON lines, then `system.errors`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import clickhouse_connect

_TABLES = """
SELECT name FROM system.tables
WHERE database = 'agenttrace' AND engine NOT LIKE '%View' ORDER BY name
"""
_ERRORS = "SELECT name, code, last_error_message FROM system.errors FORMAT JSONEachRow"


def read_back(directory: Path) -> str:
    """The text of all tables of the database in this directory, which nobody may have open."""
    command = [sys.executable, "-m", "tests.support.read_back", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main(directory: str) -> None:
    """Print table after table."""
    client = clickhouse_connect.get_client(dsn=f"chdb://{directory}")
    for (table,) in client.query(_TABLES).result_rows:
        print(f"# {table}")
        print(client.raw_query(f"SELECT * FROM agenttrace.{table} FORMAT JSONEachRow").decode())  # noqa: S608
    print("# system.errors")
    print(client.raw_query(_ERRORS).decode())


if __name__ == "__main__":
    main(sys.argv[1])
