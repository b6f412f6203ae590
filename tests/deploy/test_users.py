"""The users of a server: every statement is one that the engine parses, and nobody gets more than he needs."""

from __future__ import annotations

import re
from pathlib import Path

import clickhouse_connect
import pytest

from tests.support.database import engine

FILE = Path(__file__).parents[2] / "deploy" / "clickhouse" / "users.sql"
STATEMENTS = [
    statement.strip()
    for statement in re.sub(r"(?m)^--.*$", "", FILE.read_text()).split(";\n")
    if statement.strip()
]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: text[:60])
def test_the_engine_parses_it(statement: str) -> None:
    """As one statement; it is not run."""
    with clickhouse_connect.get_client(dsn=engine()) as client:
        formatted = client.query(
            "SELECT formatQuerySingleLine({text:String})", {"text": statement}
        ).result_rows
    assert str(formatted[0][0]).split()[0] in {"CREATE", "GRANT"}


def granted(user: str) -> set[str]:
    """The rights of a user on our database."""
    grants = [each for each in STATEMENTS if each.startswith("GRANT") and each.endswith(f"TO {user}")]
    found = [re.match(r"GRANT (.*) ON agenttrace\.\*", each) for each in grants]
    return {right for each in found if each for right in each[1].split(", ")}


def test_nobody_gets_more() -> None:
    """The collector changes and deletes nothing, the purger writes nothing, readers read."""
    assert granted("agenttrace_collector") == {"SELECT", "INSERT"}
    assert granted("agenttrace_purger") == {"SELECT", "ALTER DELETE"}
    assert granted("agenttrace_reader") == granted("acme_reader") == {"SELECT"}
