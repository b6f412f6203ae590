"""The compiled engine as a module: whether it is there, what is built of it, and what it leaves to Python."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, TypeVar

from agenttrace_collector.config.decode import DecodeEngine
from agenttrace_collector.config.problems import ConfigError, Position, Problem

_log: Final = logging.getLogger(__name__)
MODULE: Final = "agenttrace_native"
_OTHER_SEAM: Final = "the engine was built for another version of the collector"
_MISSING: Final = (
    "the compiled engine is not installed (pip install ./collector/native), or is of another version"
)

T = TypeVar("T")


class EngineMissing(RuntimeError):
    """There is no compiled engine that can take the facts of this version."""


class EngineCounts:
    """What a compiled engine handed back to Python, and what it declined as a whole."""

    def __init__(self) -> None:
        self.handed_back = 0
        self.declined = 0
        self._lock = threading.Lock()

    def add(self, *, handed_back: int = 0, declined: int = 0) -> None:
        """Count what was left to Python; requests are decoded in several threads."""
        with self._lock:
            self.handed_back += handed_back
            self.declined += declined


def build(name: str, seam: int, facts: Callable[[], Mapping[str, Any]]) -> Any:
    """An object of a class of the compiled module, made from facts; `seam` is the shape of its calls.

    Raises `EngineMissing` where it is not installed, has another shape, or does not know a fact of this version.
    """
    try:
        compiled = getattr(import_module(MODULE), name)
        if getattr(compiled, "SEAM", None) != seam:
            raise EngineMissing(_OTHER_SEAM)
        return compiled(facts())
    except (ImportError, AttributeError, ValueError, TypeError, KeyError) as error:
        raise EngineMissing(str(error)) from error


def wanted_native(wanted: DecodeEngine, native: Callable[[], T], *, work: str) -> T | None:
    """The compiled implementation, if the configuration asks for it; None: Python's, which does this work then.

    Raises `ConfigError` where it asks for one that is not there.
    """
    if wanted == "python" or (wanted == "auto" and find_spec(MODULE) is None):
        return None
    try:
        return native()
    except EngineMissing as error:
        if wanted == "native":
            raise ConfigError([Problem(Position("configuration"), "decode.engine", _MISSING)]) from error
        _log.warning("%s in Python: %s: %s", work, _MISSING, error)
        return None
