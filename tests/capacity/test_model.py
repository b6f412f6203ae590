"""The capacity page follows from its own coefficients, and the arithmetic is what it says."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from tests.capacity.model import BUSY, MEANING, RATES, SPANS, Coefficients, planned, room
from tests.capacity.page import PAGE, stated, written


def test_the_page_follows_from_its_coefficients() -> None:
    """`UPDATE=1 make capacity` writes both; neither is changed by hand."""
    assert written(stated()) == PAGE.read_text(encoding="utf-8")


def test_every_coefficient_has_a_meaning() -> None:
    """And nothing else has one."""
    assert [field.name for field in fields(Coefficients)] == list(MEANING)


@pytest.mark.parametrize("rate", RATES)
def test_more_runs_need_no_less(rate: int) -> None:
    """Ten times the runs need at least as many collectors and shards."""
    few, many = planned(stated(), rate), planned(stated(), rate * 10)
    assert int(few[2].replace(",", "")) <= int(many[2].replace(",", ""))
    assert int(few[3].replace(",", "")) <= int(many[3].replace(",", ""))


def test_a_collector_is_one_core_half_busy() -> None:
    """So many spans a second as half a core takes are one collector's, one run more is another's."""
    seen = replace(stated(), collector_us_per_span=BUSY * 1e6 / (10 * SPANS))
    assert [planned(seen, rate)[2] for rate in (10, 11)] == ["1", "2"]


@pytest.mark.parametrize(
    ("size", "told"), [(0.5, "0.5 B"), (999, "999 B"), (1e3, "1 KB"), (4.44e8, "444 MB")]
)
def test_room_has_a_unit(size: float, told: str) -> None:
    """Three digits of it."""
    assert room(size) == told
