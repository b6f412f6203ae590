"""The input and output of decoding: the context of a request, and the batch of rows made from it."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from agenttrace_schemas.rules import Policy

# How many values of each field were not read, for each resource in turn; of requests that came as JSON.
Unread: TypeAlias = Sequence[Mapping[str, int]]
# The type code of arrays of rows' lengths.
LENGTH: Final = "I"


@dataclass(frozen=True, slots=True)
class Context:
    """Everything decoding may depend on besides the bytes.

    `policy`: the site's rules. `received_at`: nanoseconds since 1970. `kept`: for how many seconds each table keeps
    its rows; a table that is not listed keeps them for ever.
    """

    policy: Policy
    tenant: str
    received_at: int
    kept: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Rows of one table, RowBinary in the column order of the row class, and the bytes of each."""

    lengths: array[int]
    data: bytes

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.lengths)


@dataclass(frozen=True, slots=True)
class EncodedRequest:
    """Records that go on to other backends, as one OTLP request."""

    records: int
    data: bytes


class Seen(NamedTuple):
    """How many records of a service were received, and of these ignored or refused whole."""

    received: int
    ignored: int
    refused: int


class Change(NamedTuple):
    """A value that is stored otherwise than it was sent: the sender's service, the rule, the attribute key."""

    service: str
    rule: str
    key: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The enforced rows of one request and the counts that the answer and the metrics need.

    `digest` identifies the request (bytes, tenant, signal). `received` counts spans or log records,
    `ignored` those without a meaning here, `refused` those refused whole. `refusals` counts every
    refused record by (kind, rule), stripped events included. `changes` counts the records in which a value was
    stored otherwise than sent, by service, rule and attribute key.
    `services` counts by the enforced name of the sender, `conventions` the steps by what named them.
    """

    digest: bytes
    blocks: Mapping[str, EncodedRows]
    received: int
    ignored: int
    refused: int
    refusals: Mapping[tuple[str, str], int]
    changes: Mapping[Change, int]
    services: Mapping[str, Seen] = field(default_factory=dict)
    conventions: Mapping[str, int] = field(default_factory=dict)
    # Enforced OTLP by signal, for the exporters that forward; its rows are spans or log records.
    forwarded: Mapping[str, EncodedRequest] = field(default_factory=dict)
    # What of the request stays here where the rest goes on, by field of the protocol.
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The size of all rows, in bytes."""
        return sum(len(rows.data) for rows in self.blocks.values())
