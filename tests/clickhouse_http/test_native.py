"""The Native form for clients of a protocol revision: blocks begin with their info, columns say how they are written."""

from __future__ import annotations

import clickhouse_connect
import pytest

from agenttrace_collector.sql_endpoint.native import with_revision
from agenttrace_collector.sql_endpoint.problems import SqlRefused
from tests.support.database import engine

INFO = bytes.fromhex("010002ffffffff00")


def native(statement: str) -> bytes:
    """What the engine writes."""
    with clickhouse_connect.get_client(dsn=engine()) as client:
        return bytes(client.raw_query(statement, fmt="Native"))


def test_a_block_byte_by_byte() -> None:
    """One row of two columns: info, counts, then name, type, a zero, and the values."""
    plain = native("SELECT 7 AS one, 'ab' AS two")
    assert plain == b"\x02\x01\x03one\x05UInt8\x07\x03two\x06String\x02ab"
    assert with_revision(plain) == INFO + b"\x02\x01\x03one\x05UInt8\x00\x07\x03two\x06String\x00\x02ab"


@pytest.mark.parametrize(
    "value",
    [
        "toString(number)",
        "toFixedString('abc', 3)",
        "toNullable(number)",
        "if(number % 2, NULL, toString(number))",
        "range(number % 7)",
        "arrayMap(x -> toString(x), range(number % 5))",
        "(number, toString(number), [number])",
        "map(toString(number), [number, 1])",
        "CAST((1, 'a'), 'Tuple(a UInt8, b String)')",
        "toDecimal64(number, 3)",
        "toDateTime64(number, 9, 'UTC')",
        "generateUUIDv4(number)",
        "toLowCardinality(toString(number % 3))",
        "toLowCardinality(if(number % 2, NULL, toString(number % 70000)))",
        "[toLowCardinality(toString(number % 3)), toLowCardinality('b')]",
        "map(toLowCardinality('k'), toLowCardinality(toString(number % 300)))",
        "toUInt256(number)",
        "NULL",
        "emptyArrayUInt8()",
        r"(CAST(number % 2 + 1, 'Enum8(\'a(\' = 1, \'b, c\' = 2)'), toString(number))",
    ],
)
def test_every_column_is_found_again(value: str) -> None:
    """In front of a column that is known: where one ends is where the next begins, over many blocks."""
    plain = native(f"SELECT {value} AS a, toUInt8(number % 100) AS b FROM numbers(150000)")  # noqa: S608 - of this test
    framed = with_revision(plain)
    blocks = framed.count(INFO)
    assert blocks >= 1
    assert framed.count(b"\x01b\x05UInt8\x00") >= blocks
    assert len(framed) == len(plain) + blocks * (len(INFO) + 2)


def test_without_rows_there_are_columns() -> None:
    """As a client reads their types."""
    assert with_revision(native("SELECT 1 AS a WHERE 0")) in {b"", INFO + b"\x01\x00\x01a\x05UInt8\x00"}


def test_a_type_of_another_form_is_refused() -> None:
    """With what to do about it."""
    with pytest.raises(SqlRefused, match="convert it with toString"):
        with_revision(native("SELECT 1::Variant(UInt8, String) AS a"))
