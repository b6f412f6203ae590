"""The journal: enforced rows on disk, in order, until the database has stored them."""

from __future__ import annotations

from agenttrace_collector.journal.counters import JournalStats, TableCounts
from agenttrace_collector.journal.journal import Journal
from agenttrace_collector.journal.layout import Layout, current_layouts
from agenttrace_collector.journal.lock import JournalInUse
from agenttrace_collector.journal.options import Durability, JournalOptions
from agenttrace_collector.journal.store import InsertBlock, JournalDamaged

__all__ = [
    "Durability",
    "InsertBlock",
    "Journal",
    "JournalDamaged",
    "JournalInUse",
    "JournalOptions",
    "JournalStats",
    "Layout",
    "TableCounts",
    "current_layouts",
]
