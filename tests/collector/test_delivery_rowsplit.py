"""Rows of a block are told apart by the lengths they were made with, and their fields by the types of the columns."""

from __future__ import annotations

import pytest

from agenttrace_collector.clickhouse.row_fields import NotRows, fields
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.journal import current_layouts
from agenttrace_schemas.rules import Policy
from tests.support.reference import reference_request
from tests.support.rows import split
from tests.support.storage import DECISIONS, decision


@pytest.mark.parametrize("table", sorted(current_layouts(1)))
def test_every_column_type_can_be_taken_apart(table: str) -> None:
    """A type that is added to a row class must be known here."""
    types = current_layouts(1)[table].types
    smallest = [_smallest(kind) for kind in types]
    row = b"".join(smallest)
    assert fields(row * 3, len(row), types) == smallest


def _smallest(kind: str) -> bytes:
    if kind.startswith("Nullable"):
        return b"\x01"
    if kind.startswith("DateTime64") or kind in ("UInt64", "Float64"):
        return b"\x00" * 8
    return b"\x00" * {"UUID": 16, "UInt32": 4}.get(kind, 1)


def test_rows_are_split_where_they_were_joined() -> None:
    """Maps, variants, arrays, nullables and long strings included."""
    rows = [decision(number, selected="s" * length) for number, length in enumerate((1, 127, 128, 200))]
    assert split(b"".join(rows), current_layouts(1)[DECISIONS].types) == rows


def test_what_is_decoded_says_where_its_rows_end() -> None:
    """Every block of the reference request, as its types tell."""
    now = 1_790_000_000_000_000_000
    decoded = decode_traces(reference_request(1, now), Context(Policy(), "default", now))
    assert decoded.blocks
    for table, block in decoded.blocks.items():
        assert list(block.lengths) == [len(row) for row in split(block.data, current_layouts(1)[table].types)]


def test_a_type_that_is_unknown_is_told() -> None:
    """Better no split than a wrong one."""
    with pytest.raises(NotRows, match="JSON"):
        fields(b"x", 0, ["JSON"])
