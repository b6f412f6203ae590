"""`agenttrace demo` prints what is known of its data, from SQL on what a real collector stored."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

from agenttrace.examples.forbidden import SAID, forbidden_events
from agenttrace_collector.demo.search import search
from agenttrace_schemas.rows import StepRow
from tests.support.database import insert_statement, new_database, valid_row


@cache
def printed() -> str:
    """What the demonstration prints, run once."""
    command = [sys.executable, "-m", "agenttrace_collector.cli", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(title: str) -> Iterator[list[str]]:
    """The cells of the table under a title: what stands between its rule and the next empty line."""
    lines = printed().split(title, 1)[1].split(" ─", 1)[1].splitlines()[1:]
    return (re.split(r"\s{2,}", line.strip()) for line in takewhile(str.strip, lines))


@pytest.mark.long
@pytest.mark.parametrize(
    ("title", "row"),
    [
        # The README of the data: 200 runs, 84 with reward 1 and 116 with 0; 1,164 tool steps.
        ("Runs by agent and status", ["airline-support", "gpt-4o", "200", "84", "116", "0"]),
        ("Steps by agent and type", ["airline-support", "tool", "1,164", "73", "28"]),
        ("Steps by agent and type", ["airline-support", "respond", "1,290", "0", "0"]),
    ],
)
def test_the_replayed_runs_are_counted_as_published(title: str, row: list[str]) -> None:
    """Nothing of the 200 runs is lost or doubled on its way."""
    assert row in list(rows(title))


@pytest.mark.long
def test_each_forbidden_event_is_refused_and_named() -> None:
    """One refusal an event, by its rule; the sentence itself is nowhere."""
    refused = sum(int(row[-1]) for row in rows("Refused, by rule"))
    assert refused == len(list(forbidden_events()))
    assert SAID not in printed()


@pytest.mark.long
def test_approvals_are_shown_and_nothing_that_was_said_is_found() -> None:
    """Three coding agents, with thousands of texts that bear the mark."""
    assert {row[0] for row in rows("Approvals of coding agents")} == {"claude-code", "codex", "gemini-cli"}
    told = " ".join(printed().split())
    found = re.search(
        r"([\d,]+) texts .* in ([\d,]+) rows of (\d+) tables and in ([\d,]+) files: (\d+)\.", told
    )
    assert found
    sent, looked, tables, files, left = (int(each.replace(",", "")) for each in found.groups())
    assert min(sent, looked, files) > 500
    assert tables > 10
    assert left == 0


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """In a row and in a file."""
    database = new_database()
    assert search(database, tmp_path).found == 0
    database.command(insert_statement(StepRow, valid_row(StepRow, tool_name="CANARY")))
    assert search(database, tmp_path).found == 1
    (tmp_path / "leak").write_bytes(b"xCANARYx")
    assert search(database, tmp_path).found == 2


@pytest.mark.long
def test_the_examples_show_decisions_and_signals() -> None:
    """Reasons and codes of the vocabulary that the examples record."""
    decisions = {row[0] for row in rows("Decisions by type and stated reason")}
    signals = {row[0] for row in rows("Quality signals by type and code")}
    assert {"tool_selection", "retry_strategy", "orchestration_path", "response_mode"} <= decisions
    assert {"schema_valid", "empty_retrieval", "tool_success", "tool_failure", "retry_occurred"} <= signals
