"""Reads counts in every notation (rule `count.range`)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

MOST_COUNTED: Final = 2**48
# Sums of a run stop at the largest whole number that every JSON client reads exactly.
MOST_SUMMED: Final = 2**53 - 1
MOST_SEQ: Final = 2**32 - 1
_COUNT: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


def count_of(value: object, most: int = MOST_COUNTED) -> int | None:
    """Returns the whole number from 0 to `most` that a number or a decimal text states, else None.

    `25`, `25.0` and `2.5e1` are one count; a text with a sign or a thousands separator is none.
    """
    if isinstance(value, str):
        text = value.strip()
        number: int | float | Decimal | None = Decimal(text) if _COUNT.fullmatch(text) else None
    else:
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if number is None or not 0 <= number <= most or number != int(number):
        return None
    return int(number)
