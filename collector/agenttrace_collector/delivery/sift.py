"""Sorts what waits in the journal by the rules of today: what they refuse is set aside, what they take again goes on."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agenttrace_collector.clickhouse.inserter import AppliedRules
from agenttrace_collector.clickhouse.row_fields import fields
from agenttrace_collector.delivery.rejection import REJECTIONS, refusal
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_collector.journal import Journal
from agenttrace_collector.journal.set_aside import EntryKind, Group, waiting_rows

_log: Final = logging.getLogger(__name__)
_END: Final = object()
_PLACES: Final[tuple[EntryKind, ...]] = ("set_aside", "entries")


@dataclass(slots=True)
class Sift:
    """One pass over the rows that were enforced under other rules; before delivery starts."""

    journal: Journal
    rules: AppliedRules
    refused: Counter[str] = field(default_factory=Counter)
    given_back: Counter[str] = field(default_factory=Counter)

    def steps(self) -> Iterator[None]:
        """Sorts some rows at a time; each step is on disk when it returns.

        Raises `Rejected` where the database cannot be asked and `Unavailable` to begin again later.
        """
        for place in _PLACES:
            for layout, after in self.journal.aside.layouts(place).items():
                last = after
                while group := self.journal.aside.next(place, layout, last):
                    self._sort(group)
                    last = group.last
                    yield

    def tell(self) -> None:
        """Says by table how many rows are set aside, and how many go on."""
        for table, rows in sorted((+self.refused).items()):
            _log.warning(
                "%d rows of %s that waited are refused by the present rules: they are set aside in the journal,"
                " and delivered by a start under rules that take them",
                rows,
                table,
            )
        for table, rows in sorted((+self.given_back).items()):
            _log.info("%d rows of %s that were set aside are delivered", rows, table)

    def _sort(self, group: Group) -> None:
        layout = self.journal.layout(group.layout)
        refused = self.rules.refused(layout.table, layout.columns, group.rows)
        was_aside = group.place == "set_aside"
        if len(refused) < len(group.rows) if was_aside else refused:
            self.journal.aside.sort(group, refused)
        self.refused[layout.table] += len(refused)
        if was_aside:
            self.given_back[layout.table] += len(group.rows) - len(refused)


async def sift(journal: Journal, rules: AppliedRules) -> None:
    """Sets aside what the rules refuse of rows that were taken under others, and says how many they are."""
    while True:
        sieve = Sift(journal, rules)
        steps = sieve.steps()
        try:
            while await asyncio.to_thread(next, steps, _END) is not _END:
                pass
        except Unavailable as error:
            await asyncio.sleep(error.retry_after)
        except Rejected as error:
            # Delivery sets them aside one by one as they are refused.
            _log.warning("the database does not say which waiting rows its rules refuse: %s", error)
            return
        else:
            sieve.tell()
            return


def refused_by_table(directory: Path, rules: AppliedRules) -> dict[str, int]:
    """How many rows of a journal, which may be in use, these rules refuse; nothing is changed.

    Raises `Rejected` and `Unavailable`.
    """
    counts: Counter[str] = Counter()
    for layout, rows in waiting_rows(directory):
        counts[layout.table] += len(rules.refused(layout.table, layout.columns, rows))
    return dict(+counts)


def give_up(journal: Journal, now: int) -> int:
    """Removes what is set aside in an open journal; a rejection stands for each row. Returns how many rows they were."""
    rows = 0
    for number in journal.aside.layouts("set_aside"):
        layout = journal.layout(number)
        while group := journal.aside.next("set_aside", number, 0):
            instead = []
            for place, row in enumerate(group.rows):
                named = dict(zip(layout.names, fields(row, 0, layout.types), strict=True))
                token = f"set aside {number} {group.first} {group.written_at} {place}"
                rejection = refusal(layout.table, named, token, now)
                instead += [rejection.data] if rejection else []
            journal.aside.give_up(group, instead, REJECTIONS)
            rows += len(group.rows)
    return rows
