"""Blocks go out as often as inserts may take of the time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from agenttrace_collector.delivery import Delivery, DeliveryOptions
from tests.support.storage import links, open_journal


class Slow:
    """A database whose inserts take their time, by the clock of the test."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.inserted_at: list[float] = []

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Takes so long."""
        assert table
        assert columns
        assert data
        assert token
        self.now += self.seconds
        self.inserted_at.append(self.now)


@pytest.mark.parametrize(("cost", "between"), [(0.01, 0.2), (0.1, 2.0), (1.0, 5.0)])
def test_blocks_are_cut_by_what_they_cost(tmp_path: Path, cost: float, between: float) -> None:
    """Inserts take a twentieth of the time, where rows need not wait longer than `block_age` for it."""
    journal, database = open_journal(tmp_path), Slow(cost)
    delivery = Delivery(journal, database, options=DeliveryOptions(), clock=lambda: database.now)
    for number in range(4):
        asyncio.run(journal.write(links([number])))
        pause = delivery.deliver_due()
        database.now += pause
    gaps = [after - before for before, after in pairwise(database.inserted_at)]
    assert gaps == pytest.approx([between] * 3)
    journal.close()
