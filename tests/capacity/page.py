"""The capacity page: its coefficients read, its tables written."""

from __future__ import annotations

import re
from typing import Final

from tests.architecture.source import ROOT
from tests.capacity.model import Coefficients, coefficients_table, worked_table

PAGE: Final = ROOT / "deploy" / "CAPACITY.md"
_ROW: Final = re.compile(r"^\| `(\w+)` \| ([0-9.e+-]+) \|", re.MULTILINE)
_MADE: Final = re.compile(r"(<!-- (coefficients|table) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def stated() -> Coefficients:
    """What the page says was measured."""
    return Coefficients(
        **{name: float(value) for name, value in _ROW.findall(PAGE.read_text(encoding="utf-8"))}
    )


def written(seen: Coefficients) -> str:
    """The page with the tables that follow from these coefficients."""
    made = {"coefficients": coefficients_table(seen), "table": worked_table(seen)}
    return _MADE.sub(lambda found: found[1] + made[found[2]], PAGE.read_text(encoding="utf-8"))
