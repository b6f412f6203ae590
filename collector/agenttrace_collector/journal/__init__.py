"""The journal: enforced rows kept on disk, in order, until the database has them."""

from __future__ import annotations

from agenttrace_collector.journal.counters import Depth, Tally
from agenttrace_collector.journal.journal import Journal
from agenttrace_collector.journal.layout import Layout, current_layouts
from agenttrace_collector.journal.lock import JournalInUse
from agenttrace_collector.journal.options import Durability, JournalOptions
from agenttrace_collector.journal.store import Block, JournalDamaged

__all__ = [
    "Block",
    "Depth",
    "Durability",
    "Journal",
    "JournalDamaged",
    "JournalInUse",
    "JournalOptions",
    "Layout",
    "Tally",
    "current_layouts",
]
