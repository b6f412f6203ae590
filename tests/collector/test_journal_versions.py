"""A journal that an earlier version of the collector wrote."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agenttrace_collector.journal import JournalDamaged
from tests.support.storage import links, open_journal


def of_version_one(directory: Path) -> None:
    """Make the journal one whose entries do not say where their rows end."""
    with closing(sqlite3.connect(directory / "journal.db")) as connection:
        connection.executescript("ALTER TABLE entries DROP COLUMN lengths; PRAGMA user_version = 1;")


def test_a_drained_journal_of_the_version_before_goes_on(tmp_path: Path) -> None:
    """Numbers of entries go on, too: tokens are made of them."""
    blocks = []
    for _ in range(2):
        journal = open_journal(tmp_path)
        asyncio.run(journal.write(links([1, 2])))
        block = journal.cut(*journal.layouts_waiting(), rows=100, size=10_000)
        assert block is not None
        assert [rows.rows for rows in journal.data(block)] == [2]
        blocks.append(block)
        journal.delivered(block)
        journal.close()
        of_version_one(tmp_path)
    assert blocks[1].first > blocks[0].first
    assert blocks[1].token != blocks[0].token


def test_rows_of_the_version_before_are_left_to_it(tmp_path: Path) -> None:
    """Nothing is lost, and the message says who delivers them."""
    journal = open_journal(tmp_path)
    asyncio.run(journal.write(links([1])))
    journal.close()
    of_version_one(tmp_path)
    with pytest.raises(JournalDamaged, match="start that version again until agenttrace_journal_rows is 0"):
        open_journal(tmp_path)
