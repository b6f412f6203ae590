"""Takes what libraries write to standard output and standard error past the log, and logs that they did, not what.

The C core of gRPC and the embedded engine write there themselves, in forms of their own, with what they were sent.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from typing import Final, NamedTuple, TextIO

_log: Final = logging.getLogger(__name__)
_STANDARD: Final = (1, 2)
_PIPE_BYTES: Final = 1024 * 1024
# What is longer is another line: no line makes the process grow.
_LINE_BYTES: Final = 16 * 1024
_END_SECONDS: Final = 2.0
# I1128 07:00:00.000000 4711 server.cc:12] and the same with a date of four digits and a time zone less.
_CORE: Final = re.compile(
    rb"([DIWEF])\d{4} [\d:.]+ +\d+ (?:[\w./-]*/)?([a-z][a-z0-9_]{0,60}\.(?:cc|h)):(\d{1,6})\]"
)
# 2026.11.28 07:00:00.000000 [ 4711 ] {id} <Error> executeQuery: …, after the machine's name.
_ENGINE: Final = re.compile(rb"(?:\[[^\]]*\] )?\d{4}\.\d\d\.\d\d [\d:.]+ \[ \d+ \] \{[^}]*\} <([A-Z][a-z]+)>")
_CODE: Final = re.compile(rb"Code: (\d{1,4})\. DB::")
_LEVELS: Final = {
    **dict.fromkeys((b"D", b"Debug", b"Trace", b"Test"), logging.DEBUG),
    **dict.fromkeys((b"W", b"Warning"), logging.WARNING),
    **dict.fromkeys((b"E", b"Error"), logging.ERROR),
    **dict.fromkeys((b"F", b"Fatal", b"Critical"), logging.CRITICAL),
}
# One for each, since messages that repeat are counted apart.
_TOLD: Final = {
    source: f"{source} wrote to standard error itself, not shown since it may hold what was received"
    for source in ("grpc", "engine", "process")
}


class OutputOrigin(NamedTuple):
    """Who wrote a line: the level of the record, and the fields that name the source and where in it."""

    level: int
    fields: dict[str, str]


def capture_native_output() -> TextIO:
    """Logs from now on what is written to the descriptors 1 and 2; returns standard error as it was, for the log.

    What does not fit into the pipe is lost, so that no library waits for the log.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    stream = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    before = {number: os.dup(number) for number in _STANDARD}
    reading, writing = os.pipe()
    _widen(writing)
    for number in _STANDARD:
        os.dup2(writing, number)
    os.close(writing)
    reader = threading.Thread(target=_log_lines, args=(reading,), name="native output", daemon=True)
    reader.start()
    atexit.register(_give_back, before, reader)
    return stream


def origin(line: bytes) -> OutputOrigin:
    """Who wrote a line; nothing of its text but a place in gRPC's source or a code of the engine."""
    if found := _CORE.match(line):
        place = f"{found[2].decode()}:{found[3].decode()}"
        return OutputOrigin(_LEVELS.get(found[1], logging.INFO), {"source": "grpc", "place": place})
    code = _CODE.search(line)
    fields = {"code": code[1].decode()} if code else {}
    if found := _ENGINE.match(line):
        return OutputOrigin(_LEVELS.get(found[1], logging.INFO), {"source": "engine", **fields})
    return OutputOrigin(logging.WARNING, {"source": "engine" if code else "process", **fields})


def _widen(writing: int) -> None:
    # Nobody who writes there waits: the reader may need what the writer holds, Python's lock.
    os.set_blocking(writing, False)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _log_lines(reading: int) -> None:
    for line in _lines(reading):
        if not line.strip():
            continue
        level, fields = origin(line)
        _log.log(level, _TOLD[fields["source"]], extra=fields)


def _lines(reading: int) -> Iterator[bytes]:
    rest = b""
    while data := os.read(reading, 65_536):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
        if len(rest) > _LINE_BYTES:
            yield rest
            rest = b""
    yield rest
    os.close(reading)


def _give_back(before: dict[int, int], reader: threading.Thread) -> None:
    """At the end of the process: the pipe ends when nothing writes to it, and the reader with it."""
    for number, descriptor in before.items():
        os.dup2(descriptor, number)
        os.close(descriptor)
    reader.join(_END_SECONDS)
