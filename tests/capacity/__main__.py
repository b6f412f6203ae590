"""Measures the coefficients and prints them beside those of the page; `UPDATE=1` writes the page."""

from __future__ import annotations

import os
from dataclasses import asdict

from tests.capacity.measure import measured
from tests.capacity.model import Coefficients, worked_table
from tests.capacity.page import PAGE, stated, written


def main() -> None:
    """Measure, compare, print what follows."""
    # As exact as the page states them, so that its table follows from it.
    seen = Coefficients(**{name: float(f"{value:.4g}") for name, value in asdict(measured()).items()})
    said = asdict(stated()) if not os.environ.get("UPDATE") else asdict(seen)
    print(f"{'coefficient':42} {'now':>10} {'page':>10} {'ratio':>6}")
    for name, value in asdict(seen).items():
        print(f"{name:42} {value:>10.4g} {said[name]:>10.4g} {value / said[name]:>6.2f}")
    print(f"\n{worked_table(seen)}")
    if os.environ.get("UPDATE"):
        PAGE.write_text(written(seen), encoding="utf-8")


if __name__ == "__main__":
    main()
