"""Pytest fixtures for agents: `pytest_plugins = ["agenttrace.testing"]`, then `agenttrace_capture`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agenttrace.capture import Capture, Captured, FixedClock, FixedIds, capture

__all__ = ["Capture", "Captured", "FixedClock", "FixedIds", "agenttrace_capture", "capture"]


@pytest.fixture
def agenttrace_capture() -> Iterator[Capture]:
    """What the test's agents record, in memory; a refused record raises into the test."""
    with capture() as captured:
        yield captured
