"""Rows of a batch as their classes again, so that a test can ask for a column by its name."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from agenttrace_collector.clickhouse.row_fields import fields
from agenttrace_collector.decode.batch import Batch
from agenttrace_schemas.rows import Row, StepRow, columns

AnyRow = TypeVar("AnyRow", bound=Row)


def rows_of(batch: Batch, row: type[AnyRow]) -> list[AnyRow]:
    """The rows of one table, without their metadata and lists."""
    block = batch.blocks.get(row.TABLE)
    if block is None:
        return []
    types = tuple(column.type for column in columns(row).values())
    return [_row(row, fields(each, 0, types), types) for each in split(block.data, types)]


def stored_bytes(batch: Batch) -> bytes:
    """Everything that a batch stores, one block after the other: what must not be in it is searched for here."""
    return b"".join(block.data for block in batch.blocks.values())


def split(data: bytes, types: Sequence[str]) -> list[bytes]:
    """The rows, found from their types."""
    rows = []
    start = 0
    while start < len(data):
        rows.append(b"".join(fields(data, start, types)))
        start += len(rows[-1])
    return rows


def _row(row: type[AnyRow], raw: list[bytes], types: tuple[str, ...]) -> AnyRow:
    values = {name: _value(kind, each) for name, kind, each in zip(columns(row), types, raw, strict=True)}
    return row(**values)


def _value(kind: str, raw: bytes) -> Any:
    if kind.startswith("Nullable("):
        return None if raw[:1] == b"\x01" else _value(kind[9:-1], raw[1:])
    return _READERS[kind](raw)


def _text(raw: bytes) -> str:
    at = next(index for index, byte in enumerate(raw) if byte < 0x80) + 1
    return raw[at:].decode()


def _number(form: str) -> Callable[[bytes], Any]:
    return lambda raw: struct.unpack(form, raw)[0]


_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "UUID": lambda raw: raw[7::-1] + raw[:7:-1],
    "String": _text,
    "LowCardinality(String)": _text,
    "Array(String)": lambda _: (),
    "Map(LowCardinality(String), Variant(Bool, Float64, Int64, String))": lambda _: {},
    "DateTime64(9, 'UTC')": _number("<q"),
    "UInt64": _number("<Q"),
    "UInt32": _number("<I"),
    "Float64": _number("<d"),
    "Bool": lambda raw: raw == b"\x01",
}


BLANK_STEP: Mapping[str, object] = {
    **{name: "" for name, column in columns(StepRow).items() if "String" in column.type},
    **{name: None for name, column in columns(StepRow).items() if column.type.startswith("Nullable")},
    "step_id": bytes(16),
    "seq": 0,
    "step_type": "other",
    "latency_ms": 50.0,
    "ended_at": 0,
    "metadata": {},
    "tenant": "default",
    "agent_id": "agent",
    "agent_version": "1",
    "environment": "prod",
    "span_id": 1,
    "parent_span_id": 0,
    "role": "agent",
    "operation": "invoke_agent",
    "status": "ok",
    "source": "genai",
}
