"""The version of this package, as it is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _installed() -> str:
    try:
        return version("agenttrace-otel")
    except PackageNotFoundError:  # copied into an application without its metadata
        return "unknown"


__version__: Final = _installed()
