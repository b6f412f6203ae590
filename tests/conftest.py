"""What every test starts from: no settings of this machine, no deadline where the processor is shared."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.support.shared import open_shared_directory

for name in [name for name in os.environ if name.startswith(("AGENTTRACE_", "OTEL_"))]:
    del os.environ[name]

settings.register_profile("shared", deadline=None, print_blob=True)
settings.load_profile("shared")


def pytest_configure(config: pytest.Config) -> None:
    """Workers share the directory of the process that starts them."""
    if not hasattr(config, "workerinput"):
        open_shared_directory()
