"""The row of `agent_rejections` that stands for a row the database refused for good."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from typing import Final

from agenttrace_collector.clickhouse.row_fields import text
from agenttrace_collector.clickhouse.rowbinary import encode
from agenttrace_collector.decode.batch import LENGTH, EncodedRows
from agenttrace_collector.delivery.block_data import key_value
from agenttrace_schemas.rows import RejectionRow
from agenttrace_schemas.texts import identifier
from agenttrace_schemas.wire import DEFAULT_TENANT

REJECTIONS: Final = RejectionRow.TABLE
_UUID: Final = 16


def refusal(table: str, row: Mapping[str, bytes], token: str, now: int) -> EncodedRows | None:
    """The rejection of a row, with its ids as far as they are sound; the key names the table.

    None if the row is itself the rejection of a rejection: then there is nothing left to try.
    """
    again = table == REJECTIONS
    if again and text(row["attribute_key"]) == REJECTIONS:
        return None
    source = {} if again else row
    rejection = RejectionRow(
        rejection_id=hashlib.blake2b(token.encode(), digest_size=_UUID).digest(),
        rejected_at=now,
        kind="row",
        rule="storage.refused",
        attribute_key=table,
        tenant=_name(source, "tenant") or DEFAULT_TENANT,
        agent_id=_name(source, "agent_id"),
        agent_version=_name(source, "agent_version"),
        environment=_name(source, "environment"),
        run_id=_uuid(source, "run_id"),
        trace_id=_uuid(source, "trace_id"),
        span_id=_span(source),
        created_at=now,
    )
    encoded = encode(rejection)
    return EncodedRows(array(LENGTH, [len(encoded)]), encoded)


def _name(row: Mapping[str, bytes], column: str) -> str:
    return identifier(text(row[column])) if column in row else ""


def _uuid(row: Mapping[str, bytes], column: str) -> bytes | None:
    field = row.get(column, b"")
    # A Nullable field has one byte before the value; of a null there is only that byte.
    value = key_value(field[-_UUID:]) if len(field) >= _UUID else None
    return value if isinstance(value, bytes) else None


def _span(row: Mapping[str, bytes]) -> int:
    value = key_value(row["span_id"]) if "span_id" in row else 0
    return value if isinstance(value, int) else 0
