"""What is told of a line that a library wrote past the log: whose it is, how grave, and a place in its source."""

from __future__ import annotations

import logging

import pytest

from agenttrace_collector.telemetry.native_output import origin

_ENGINE_LINE = (
    b"[host] 2026.11.28 07:40:10.398994 [ 7907 ] {id} <Error> executeQuery: Code: 395. DB::Exception: said"
)


@pytest.mark.parametrize(
    ("line", "level", "fields"),
    [
        (
            b"E1128 07:41:23.202146    8339 add_port.cc:83] Failed for 'said'",
            logging.ERROR,
            {"source": "grpc", "place": "add_port.cc:83"},
        ),
        (
            b"I0000 00:00:1700000000.123456    12 src/core/said/tcp.cc:9] READ said",
            logging.INFO,
            {"source": "grpc", "place": "tcp.cc:9"},
        ),
        (_ENGINE_LINE, logging.ERROR, {"source": "engine", "code": "395"}),
        (b"2026.11.28 07:40:10.1 [ 7 ] {} <Trace> said: said", logging.DEBUG, {"source": "engine"}),
        (b"Code: 62. DB::Exception: said", logging.WARNING, {"source": "engine", "code": "62"}),
        (b"said E1128 07:41:23 1 said.cc:83]", logging.WARNING, {"source": "process"}),
        (b"\xff\x00said", logging.WARNING, {"source": "process"}),
    ],
)
def test_a_line_leaves_its_source_and_its_place(line: bytes, level: int, fields: dict[str, str]) -> None:
    """Nothing of what it says."""
    assert origin(line) == (level, fields)
