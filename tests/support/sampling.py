"""Which parameters of a long row `make test` takes, where `make test-long` takes all the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(step: int, values: Iterable[Any]) -> list[Any]:
    """The first of each `step` values is tested by `make test`, the others by `make test-long`; tuples are spread."""
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.long if place % step else ()
        )
        for place, value in enumerate(values)
    ]
