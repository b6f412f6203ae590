"""Every proof takes long, in its short version too."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them before pytest chooses by marks; the hook is given the tests of other folders, too."""
    for item in items:
        if item.path.parent == _HERE:
            item.add_marker(pytest.mark.long)
