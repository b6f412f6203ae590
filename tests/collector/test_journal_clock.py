"""The ages of what waits, when the machine's clock is set back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agenttrace_collector.journal import Journal, JournalOptions, current_layouts
from agenttrace_collector.journal.clock import SteadyClock
from tests.support.storage import Clock, links


def test_an_entry_of_a_clock_that_was_set_back_has_an_age(tmp_path: Path) -> None:
    """While a process runs nobody's clock is asked; what an earlier one wrote waits since this one began."""
    clock = Clock()
    clock.pass_seconds(3_600)
    journal = Journal(JournalOptions(tmp_path, reserve_mib=0), current_layouts(1), now=clock)
    journal.open()
    asyncio.run(journal.write(links([1])))
    journal.close()
    clock.pass_seconds(-3_600)
    again = Journal(JournalOptions(tmp_path, reserve_mib=0), current_layouts(1), now=clock)
    again.open()
    clock.pass_seconds(90)
    assert again.age() == pytest.approx(90.0)
    again.close()


def test_a_steady_clock_goes_on_when_the_machines_is_set_back() -> None:
    """It asks for the time once."""
    wall, steady = Clock(), Clock()
    clock = SteadyClock(wall, steady)
    before = clock()
    wall.pass_seconds(-3_600)
    steady.pass_seconds(5)
    assert clock() - before == 5_000_000_000
