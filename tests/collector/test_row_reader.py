"""Rows in RowBinary are read back as they were written."""

from __future__ import annotations

import struct
from typing import Any, cast

import pytest

from agenttrace_collector.clickhouse.row_reader import read_rows
from agenttrace_collector.clickhouse.rowbinary import encode
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.rows import Row, columns
from tests.support.stored_runs import reference_runs

_VALUES: dict[str, tuple[Any, ...]] = {
    "UUID": (bytes(range(16)), bytes(16)),
    "Nullable(UUID)": (bytes(range(16)), None),
    "String": ("", "é" * 100),
    "LowCardinality(String)": ("", "stop"),
    "Array(String)": ((), ("a", "b" * 200)),
    "Array(LowCardinality(String))": ((), ("a",)),
    "Array(UUID)": ((), (bytes(range(16)),)),
    "Array(UInt32)": ((), (1, 2**32 - 1)),
    "Array(Int64)": ((), (-1, 2**62)),
    "Array(Float64)": ((), (0.5,)),
    "Map(LowCardinality(String), Variant(Bool, Float64, Int64, String))": (
        {},
        {"a": True, "b": 1.5, "c": -3, "d": "text"},
    ),
    "DateTime64(9, 'UTC')": (0, 1_795_000_000_000_000_001),
    "UInt64": (0, 2**64 - 1),
    "Nullable(UInt64)": (None, 0),
    "UInt32": (0, 2**32 - 1),
    "UInt8": (0, 1),
    "Float64": (0.0, 0.1),
    "Nullable(Float64)": (None, 0.25),
    "Bool": (False, True),
    "Nullable(Bool)": (None, True),
}


def types(row: type[Row]) -> list[str]:
    """Of its columns."""
    return [column.type for column in columns(row).values()]


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.TABLE)
def test_every_column_is_read_as_it_was_written(row: type[Row]) -> None:
    """Its smallest and its largest value."""
    given = [[_VALUES[kind][place] for kind in types(row)] for place in (0, 1)]
    data = b"".join(
        encode(cast("Any", row)(**dict(zip(columns(row), values, strict=True)))) for values in given
    )
    assert list(read_rows(data, types(row))) == given


def test_an_id_that_is_all_zero_is_none_where_there_may_be_none() -> None:
    """As the row classes have it."""
    assert list(read_rows(b"\x00" + bytes(16), ["Nullable(UUID)"])) == [[None]]


def test_rows_that_are_cut_off_are_no_rows() -> None:
    """Wherever they end: nothing is read of them as if it were whole."""
    (run,) = reference_runs(1)
    data = encode(run.steps[0])
    for length in range(1, len(data)):
        with pytest.raises((ValueError, IndexError, struct.error)):
            list(read_rows(data[:length], types(type(run.steps[0]))))
