"""Taking RowBinary apart by the column types: rows, fields, and data that is none."""

from __future__ import annotations

import itertools

import pytest

from agenttrace_collector.clickhouse.row_fields import NotRows, row_starts
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.journal import current_layouts
from agenttrace_schemas.rules import Policy
from tests.support.reference import reference_request
from tests.support.storage import DECISIONS, decision


@pytest.mark.parametrize("table", sorted(current_layouts(1)))
def test_every_column_type_can_be_taken_apart(table: str) -> None:
    """A type that is added to a row class must be known to the splitter."""
    layout = current_layouts(1)[table]
    row = b"".join(map(_smallest, layout.types))
    assert list(row_starts(row * 3, layout.types)) == [0, len(row), 2 * len(row), 3 * len(row)]


def _smallest(kind: str) -> bytes:
    if kind.startswith("Nullable"):
        return b"\x01"
    if kind.startswith("DateTime64") or kind in ("UInt64", "Float64"):
        return b"\x00" * 8
    return b"\x00" * {"UUID": 16, "UInt32": 4}.get(kind, 1)


def test_rows_are_split_where_they_were_joined() -> None:
    """Maps, variants, arrays, nullables and long strings included."""
    rows = [decision(number, selected="s" * length) for number, length in enumerate((1, 127, 128, 200))]
    starts = row_starts(b"".join(rows), current_layouts(1)[DECISIONS].types)
    assert [end - start for start, end in itertools.pairwise(starts)] == [len(row) for row in rows]


def test_what_is_decoded_can_be_taken_apart() -> None:
    """Every block of the reference request splits into as many rows as it says."""
    now = 1_790_000_000_000_000_000
    decoded = decode_traces(reference_request(1, now), Context(Policy(), "default", now))
    assert decoded.blocks
    for table, block in decoded.blocks.items():
        assert len(row_starts(block.data, current_layouts(1)[table].types)) == block.rows + 1


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_data_that_ends_within_a_row_is_told(cut: int) -> None:
    """Rows are never made up from half of one."""
    with pytest.raises(NotRows):
        row_starts(decision(1)[:-cut], current_layouts(1)[DECISIONS].types)


def test_a_type_that_is_unknown_is_told() -> None:
    """Better no split than a wrong one."""
    with pytest.raises(NotRows, match="JSON"):
        row_starts(b"x", ["JSON"])
