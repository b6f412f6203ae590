"""Numbers and flags of other libraries as Python's own: numpy, torch and jax scalars, decimals, fractions."""

from __future__ import annotations

import operator
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, Final, SupportsFloat, TypeAlias

# The types of Python's own that need no reading, text among them.
OWN: Final = frozenset({bool, int, float, str, type(None)})

Number: TypeAlias = float | SupportsFloat


def plain(value: object) -> object:
    """A number or flag as `int`, `float` or `bool`; anything else as it is.

    Raises what the number's own type raises where it cannot be converted.
    """
    if type(value) in OWN or isinstance(value, str):
        return value
    if isinstance(value, Integral):
        return operator.index(value)
    if isinstance(value, Real | Decimal):
        return float(value)
    return _scalar(value)


def _scalar(value: Any) -> object:
    """What an array without dimensions holds; an array of one element is no number.

    Only numbers of known kinds are read: an object that merely converts to one may be a stand-in of a test.
    """
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    item = value.item()
    return item if type(item) in {bool, int, float} else value
