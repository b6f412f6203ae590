"""The CHECKs against RowBinary, the form in which a collector inserts: no text column takes what was said."""

from __future__ import annotations

from typing import Any, Final, cast

import pytest

from agenttrace_collector.clickhouse.client import POISONED, QueryRejected
from agenttrace_collector.clickhouse.rowbinary import encode
from agenttrace_schemas.column_types import Column, Guard
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.rows import DecisionRow, Row, SignalRow, columns
from tests.contract.shape import TOKEN
from tests.support.database import migrated, valid_row

pytestmark = pytest.mark.long

SAID: Final = "CANARY-e5: what did she say, word for word?"
_NOW: Final = 1_780_000_000_000_000_000
_PLACE: Final = "PLACEHOLDER"


def encoded(row: type[Row], **values: object) -> bytes:
    """A row that every CHECK accepts, with these values set, as RowBinary."""
    rest = {name: _filler(column) for name, column in columns(row).items() if column.type != "String"}
    fields = {**dict.fromkeys(columns(row), ""), **rest, **valid_row(row), **values}
    return encode(cast("Any", row)(**fields))


def _filler(column: Column) -> object:
    if column.type.startswith("Nullable"):
        return None
    if column.type.startswith("DateTime64"):
        return _NOW
    return {"UUID": bytes(16)}.get(column.type, {} if column.type.startswith("Map") else "")


def insert(row: type[Row], data: bytes) -> None:
    """Insert as delivery does."""
    migrated(TOKEN).insert(row.TABLE, list(columns(row)), data, token=data.hex()[-512:])


def guarded() -> list[Any]:
    """Every column of every table that can hold text."""
    return [
        pytest.param(row, name, column, id=f"{row.TABLE}.{name}")
        for row in ALL_ROWS
        for name, column in columns(row).items()
        if column.guard and column.guard not in (Guard.FRACTION, Guard.COUNT, Guard.SCORE)
    ]


def one_of_each_guard() -> list[Any]:
    """A column for each rule: columns of one rule have one expression."""
    return list({param.values[2].guard: param for param in guarded()}.values())


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.TABLE)
def test_a_valid_row_of_every_table_is_stored(row: type[Row]) -> None:
    """What the tests below change one value of is itself accepted."""
    insert(row, encoded(row))


@pytest.mark.parametrize(("row", "name", "column"), guarded())
def test_no_text_column_takes_a_sentence(row: type[Row], name: str, column: Column) -> None:
    """Refused as a violated CHECK, of which delivery takes the block apart; the error repeats nothing."""
    value: object = [SAID] if column.type.startswith("Array") else SAID
    with pytest.raises(QueryRejected) as refused:
        insert(row, encoded(row, **{name: {"note": SAID} if column.type.startswith("Map") else value}))
    assert refused.value.code in POISONED
    assert refused.value.rule
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize(("row", "name", "column"), guarded())
@pytest.mark.parametrize(
    "given", [b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8CAN", b"CANARY\x00CANA", b"CANARY-CAN\n"]
)
def test_no_text_column_takes_bytes_that_are_no_text(
    row: type[Row], name: str, column: Column, given: bytes
) -> None:
    """Invalid UTF-8, a zero byte and a trailing line feed pass no pattern."""
    value: object = [_PLACE] if column.type.startswith("Array") else _PLACE
    data = encoded(row, **{name: {"note": _PLACE} if column.type.startswith("Map") else value})
    assert data.count(_PLACE.encode()) == 1
    with pytest.raises(QueryRejected) as refused:
        insert(row, data.replace(_PLACE.encode(), given))
    assert refused.value.rule


@pytest.mark.parametrize(("row", "name"), [(DecisionRow, "confidence"), (SignalRow, "weight")])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.000001])
def test_fractions_that_are_none_are_refused(row: type[Row], name: str, value: float) -> None:
    """RowBinary can say what JSON and SQL literals cannot."""
    with pytest.raises(QueryRejected) as refused:
        insert(row, encoded(row, **{name: value}))
    assert refused.value.rule.endswith(name)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "a@b.example", "x" * 101])
def test_metadata_values_that_are_none_are_refused(value: object) -> None:
    """The alternatives of the Variant are looked at one by one."""
    with pytest.raises(QueryRejected) as refused:
        insert(DecisionRow, encoded(DecisionRow, metadata={"sound": 1, "note": value}))
    assert refused.value.rule


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_rows_that_are_cut_short_are_refused_for_good(cut: int) -> None:
    """Bytes that do not fit the columns would not fit the next time either."""
    with pytest.raises(QueryRejected) as refused:
        insert(DecisionRow, encoded(DecisionRow, selected="CANARY-cut")[:-cut])
    assert refused.value.code in POISONED
    assert "CANARY" not in str(refused.value)


def test_nothing_refused_above_is_left_anywhere() -> None:
    """Not in a table, not in what the engine remembers of its errors."""
    for row in ALL_ROWS:
        with pytest.raises(QueryRejected):
            insert(row, encoded(row, tenant=SAID))
        leaks = f"SELECT count() FROM {row.TABLE} WHERE toString(tuple(*)) LIKE '%CANARY%'"  # noqa: S608
        assert migrated(TOKEN).query(leaks) == [(0,)]
    errors = "SELECT last_error_message FROM system.errors WHERE last_error_message LIKE '%CANARY%'"
    assert migrated(TOKEN).query(errors) == []
