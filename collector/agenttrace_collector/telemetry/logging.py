"""The collector's log: one line per record, as text or JSON, without received values.

The text of an exception may repeat what it was given, so a trace shows where and which class only. So may what another
library says: gRPC logs the bytes of a header that is no UTF-8. Of those records only the place is shown.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

from agenttrace_collector.config.sections import Logs

_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
# Different messages that are counted apart within a minute.
_MOST_MESSAGES: Final = 200
_OURS: Final = "agenttrace"
# These say at "info" what the collector says itself.
_TALKATIVE: Final = ("uvicorn", "httpx", "httpcore", "urllib3", "asyncio", "grpc")


def set_up_logs(settings: Logs, stream: TextIO | None = None) -> None:
    """Send every record of this process to standard error in the configured form.

    Comes before the import of grpc, which else writes a line of its own for each handshake that fails.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.encoding == "json" else ConsoleFormatter())
    # Its C core writes past every handler of ours, with what it was sent.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if settings.level != "debug":
        handler.addFilter(RateLimit().passes)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[settings.level])
    # It says that a header is no UTF-8, once for each of as many as anybody sends.
    logging.getLogger("grpc._cython.cygrpc").setLevel(logging.CRITICAL)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, _LEVELS[settings.level]))


def log_uncaught_exceptions() -> None:
    """Logs uncaught exceptions without their text."""
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda given: _log_uncaught(given.exc_type, given.exc_value, given.exc_traceback)
    sys.unraisablehook = lambda given: _log_uncaught(given.exc_type, given.exc_value, given.exc_traceback)


@dataclass(slots=True)
class RateLimit:
    """Lets each message through so many times a minute, and tells with the next one how often it was held back."""

    most: int = 20
    seconds: float = 60.0
    now: Callable[[], float] = time.monotonic
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _held_back: dict[tuple[str, str], int] = field(default_factory=dict)
    _began: float = float("-inf")

    def passes(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be written."""
        if self.now() - self._began >= self.seconds:
            self._held_back = {
                key: count - self.most for key, count in self._counts.items() if count > self.most
            }
            self._counts, self._began = {}, self.now()
        key = self._key(record)
        self._counts[key] = count = self._counts.get(key, 0) + 1
        if held_back := self._held_back.pop(key, 0):
            record.held_back = held_back
        return count <= self.most

    def _key(self, record: logging.LogRecord) -> tuple[str, str]:
        # The message before its values are put in: other libraries may put theirs in beforehand.
        key = record.name, str(record.msg) if _is_ours(record) else record.funcName
        return key if key in self._counts or len(self._counts) < _MOST_MESSAGES else ("", "")


def log_loop_error(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """What asyncio reports, as one record of ours; its own repeats addresses and values."""
    del loop
    # Of a callback the message goes on with what the callback was given.
    message = str(context.get("message", "")).partition(" callback ")[0]
    logging.getLogger(__name__).error(
        "the event loop reports: %s", message, exc_info=context.get("exception")
    )


class ConsoleFormatter(logging.Formatter):
    """Time, level, where from, what, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; a trace goes into it."""
        fields = "".join(f" {name}={value}" for name, value in fields_of(record).items())
        return f"{_time(record)} {record.levelname:<7} {record.name}: {text_of(record)}{fields}"


class JsonFormatter(logging.Formatter):
    """The same as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        standard = {
            "ts": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": text_of(record),
        }
        return json.dumps(standard | fields_of(record), default=str)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0].startswith(_OURS)


def text_of(record: logging.LogRecord) -> str:
    """What a record says, if it is ours; of another library's the place where it was said."""
    if _is_ours(record):
        return record.getMessage()
    return f"a message of this library, not shown since it may hold what was received ({record.funcName}:{record.lineno})"


def _log_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """What Python would print with the text of the exception."""
    if issubclass(kind, KeyboardInterrupt):
        return
    given = (kind, error, trace) if error is not None else None
    logging.getLogger(__name__).critical("an exception was not caught", exc_info=given)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record beside its text: those that it was logged with; of an exception class and places."""
    fields = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    fields.pop("color_message", None)
    if record.exc_info and record.exc_info[0]:
        fields["error"] = record.exc_info[0].__name__
        fields["at"] = _places(record.exc_info[2])
    return fields


def _places(trace: TracebackType | None) -> str:
    """The innermost calls of a trace, without source text or values."""
    frames = traceback.extract_tb(trace)[-6:]
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
