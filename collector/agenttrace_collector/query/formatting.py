"""Formats numbers, shares and times for the terminal and the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Final

NOTHING: Final = "-"


def number(value: float | None) -> str:
    """With its thousands set off."""
    if value is None:
        return NOTHING
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def decimal(value: float | None) -> str:
    """Of any size, to three digits."""
    return NOTHING if value is None else f"{value:.3g}"


def share(value: float | None) -> str:
    """A share as percent."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


def points(value: float | None) -> str:
    """A difference of shares in points."""
    return NOTHING if value is None else f"{100 * value:+.1f}"


def probability(value: float | None) -> str:
    """A p or q value."""
    return NOTHING if value is None else "<0.0001" if value < 1e-4 else f"{value:.4f}"


def moment(value: datetime) -> str:
    """In UTC, to the second."""
    return value.strftime("%Y-%m-%d %H:%M:%S")
