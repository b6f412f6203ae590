"""Warnings about calls that are not recorded as they were stated: sentences with the place of the call."""

from __future__ import annotations

import inspect
import logging
from contextlib import suppress
from pathlib import PurePath
from types import FrameType
from typing import Final, NamedTuple

LOGGER: Final = logging.getLogger("agenttrace")

# What stands between a call and the code that meant it.
_BETWEEN: Final = frozenset(
    "agenttrace agenttrace_schemas opentelemetry contextlib functools asyncio threading concurrent".split()
)
# Ours as well, and still applications.
_EXAMPLES: Final = "examples"
_REMEMBERED: Final = 4096
_LONGEST_PATH: Final = 300


class Misuse(Exception):
    """A call that cannot be recorded; the message says what is needed and contains no value."""


class _Place(NamedTuple):
    """A line of the application, and how many frames above the function that logs it stands."""

    path: str
    line: int
    depth: int

    @classmethod
    def of(cls, frame: FrameType, depth: int) -> _Place:
        """The place of a frame; code that was made at run time may bear any text as its file name."""
        path = frame.f_code.co_filename
        fits = len(path) <= _LONGEST_PATH and path.isprintable()
        if fits and (PurePath(path).is_absolute() or " " not in path):
            return cls(path, frame.f_lineno, depth)
        return cls("", frame.f_lineno, 0)

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}" if self.path else f"line {self.line}"


class Notices:
    """What was told so far: each sentence once for each place."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str, int]] = set()

    def tell(self, sentence: str) -> None:
        """Log a sentence as a warning, unless the same place has been told the same."""
        place = _caller()
        if self._is_new((sentence, place.path, place.line)):
            _log(sentence, place)

    def tell_once(self, sentence: str) -> None:
        """Log a sentence as a warning, once for all places."""
        if self._is_new((sentence, "", 0)):
            _log(sentence, _caller())

    def say_once(self, sentence: str) -> None:
        """Log a sentence as a warning, once; no line of the application stands for it."""
        if self._is_new((sentence, "", 0)):
            with suppress(Exception):
                LOGGER.warning("%s", sentence)

    def _is_new(self, key: tuple[str, str, int]) -> bool:
        if key in self._told:
            return False
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        self._told.add(key)
        return True


def _log(sentence: str, place: _Place) -> None:
    # A handler of the application's that fails is no reason to fail the agent.
    with suppress(Exception):
        LOGGER.warning("%s (%s)", sentence, place, stacklevel=place.depth + 1)


def _caller() -> _Place:
    """Where the application called: the innermost frame that is neither ours nor OpenTelemetry's."""
    frame, depth = inspect.currentframe(), 0
    found = None
    while frame is not None:
        if not _is_between(frame):
            return _Place.of(frame, depth)
        if found is None and not _is_ours(frame):
            found = _Place.of(frame, depth)
        frame, depth = frame.f_back, depth + 1
    return found or _Place("", 0, 0)


def _is_between(frame: FrameType) -> bool:
    package, *below = _module(frame)
    return package in _BETWEEN and below[:1] != [_EXAMPLES]


def _is_ours(frame: FrameType) -> bool:
    return _module(frame)[0] == "agenttrace"


def _module(frame: FrameType) -> list[str]:
    return str(frame.f_globals.get("__name__", "")).split(".")
