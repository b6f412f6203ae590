"""Answers of an embedded database that nobody has open, asked by a process of its own.

`python -m tests.support.query DIRECTORY` reads a JSON list of statements and writes a list of answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client


def answers(directory: Path, statements: Sequence[str]) -> list[list[dict[str, Any]]]:
    """The rows of each statement, by column."""
    command = [sys.executable, "-m", "tests.support.query", str(directory)]
    done = subprocess.run(command, input=json.dumps(statements), capture_output=True, text=True, check=True)
    found: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def main(directory: str) -> None:
    """Answer what is asked."""
    client = clickhouse_connect.get_client(dsn=f"chdb://{directory}", database="agenttrace")
    json.dump([_rows(client, statement) for statement in json.load(sys.stdin)], sys.stdout)


def _rows(client: Client, statement: str) -> list[dict[str, Any]]:
    """None for what is no question."""
    if not statement.lstrip().startswith("SELECT"):
        client.command(statement)
        return []
    settings = {"output_format_json_quote_64bit_integers": 0}
    found: list[dict[str, Any]] = json.loads(client.raw_query(f"{statement} FORMAT JSON", settings=settings))[
        "data"
    ]
    return found


if __name__ == "__main__":
    main(sys.argv[1])
