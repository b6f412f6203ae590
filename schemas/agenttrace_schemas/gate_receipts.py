"""The row of a gate's receipt; the other row classes stand in `rows`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from agenttrace_schemas.column_types import (
    RECEIPT_KINDS,
    AttributeKey,
    Column,
    Identifier,
    RuleId,
    Time,
    Uuid,
    closed_column,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReceiptRow:
    """How many records and values of one request a gate refused, changed or left out, by rule and key.

    Of what is left out there is no rule, and the key is a field of the protocol.
    """

    TABLE: ClassVar[str] = "gate_receipts"
    SORT_KEY: ClassVar[tuple[str, ...]] = ("tenant", "received_at", "request_id", "receipt_id")

    receipt_id: Uuid
    request_id: Uuid
    received_at: Time
    kind: Annotated[str, closed_column(RECEIPT_KINDS)]
    rule: RuleId
    attribute_key: AttributeKey
    records: Annotated[int, Column("UInt64")]
    tenant: Identifier
    created_at: Time
