"""CSV is data to a spreadsheet, whatever a cell begins with."""

from __future__ import annotations

import csv
import io

import pytest

from agenttrace_collector.query.csv_rows import csv_text


@pytest.mark.parametrize("before", ["", " ", "\t", "\r\n ", "\u00a0", "\u3000", "\x00", "\x1f"])
@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20")
def test_a_formula_is_defused(before: str, sign: str) -> None:
    """Also after white space and in full width, which spreadsheets read alike."""
    cell = f"{before}{sign}HYPERLINK(1)"
    ((_, found),) = [list(csv.reader(io.StringIO(csv_text([{"a": 1, "b": cell}]), newline="")))[1]]
    assert found == f"'{cell}"


@pytest.mark.parametrize("cell", ["a=b", "gpt-4o", "_x", "1-2", "'=1", ""])
def test_other_texts_stay(cell: str) -> None:
    """So do numbers, which may be negative."""
    assert csv_text([{"a": cell, "b": -1}]).splitlines()[1].endswith(",-1")
    assert cell in csv_text([{"a": cell, "b": -1}])
