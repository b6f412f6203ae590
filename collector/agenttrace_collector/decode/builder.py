"""Collects the rows and refusals of one request into a batch."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from hashlib import sha256

from agenttrace_collector.clickhouse.rowbinary import encode, uuid
from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.batch import LENGTH, Batch, Change, Context, EncodedRows, Seen
from agenttrace_collector.decode.events import Origin
from agenttrace_collector.decode.outgoing import Outgoing
from agenttrace_schemas import wire
from agenttrace_schemas.column_types import Guard
from agenttrace_schemas.counts import MOST_COUNTED, count_of
from agenttrace_schemas.gate_receipts import GateReceiptRow
from agenttrace_schemas.names import UNCONFIRMED, is_redacted, kept_name
from agenttrace_schemas.rows import (
    DecisionRow,
    EvaluationRow,
    FailureRow,
    OutcomeRow,
    RejectionRow,
    Row,
)
from agenttrace_schemas.rules import OTHER, UNREAD, Violation
from agenttrace_schemas.spellings import spelling
from agenttrace_schemas.texts import REDACTED

_SECOND = 10**9
_DAY = 86_400 * _SECOND
_YEAR = 365 * _DAY
_DIGEST_BYTES = 16
_NOTHING = Seen(0, 0, 0)


class BatchBuilder:
    """Rows by table as they are made, and what was refused, ignored or redacted on the way."""

    def __init__(self, context: Context, digest: bytes, outgoing: Outgoing | None = None) -> None:
        self.context = context
        self.outgoing = outgoing
        self.received = 0
        self.ignored = 0
        self.refused = 0
        self._digest = digest
        self._rows: defaultdict[str, list[bytes]] = defaultdict(list)
        # No Counters: these are made for each request, and most of them stay empty.
        self._refusals: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._refused_keys: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._changes: defaultdict[Change, int] = defaultdict(int)
        self._changed: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._services: dict[str, Seen] = {}
        self._lengths: defaultdict[str, array[int]] = defaultdict(lambda: array(LENGTH))
        self.conventions: defaultdict[str, int] = defaultdict(int)
        self._oldest = context.received_at - 5 * _YEAR
        self._latest = context.received_at + _DAY

    def add(self, row: Row) -> None:
        """Keep a row."""
        self._keep(row.TABLE, encode(row))

    def add_event(self, row: Row) -> None:
        """Keep the row of an event; a name that something else stands for is counted."""
        if isinstance(row, FailureRow) and is_redacted(row.failure_code):
            self.changed(Guard.IDENTIFIER, wire.FAILURE_CODE)
        if isinstance(row, EvaluationRow) and is_redacted(row.error_type):
            self.changed(Guard.IDENTIFIER, wire.ERROR_TYPE)
        if isinstance(row, OutcomeRow) and is_redacted(row.failure_code):
            self.changed(Guard.IDENTIFIER, wire.OUTCOME_FAILURE_CODE)
        if isinstance(row, DecisionRow) and row.tool_name.startswith((REDACTED, UNCONFIRMED)):
            rule = Guard.IDENTIFIER if is_redacted(row.tool_name) else Guard.TOOL
            self.changed(rule, wire.DECISION_TOOL_NAME)
        self.add(row)

    def identifier(self, value: str, key: str) -> str:
        """An enforced identifier; one that is redacted is counted under its attribute key."""
        kept = kept_name(self.context.policy.site_key, value) if value else value
        if is_redacted(kept):
            self.changed(Guard.IDENTIFIER, key)
        return kept

    def changed(self, rule: str, key: str, count: int = 1) -> None:
        """Count values that are stored otherwise than they were sent; `key` is one of those that are read."""
        self._changed[rule, key] += count

    def count(self, value: object, key: str, most: int = MOST_COUNTED) -> int | None:
        """An enforced count; a value that is none is counted under its attribute key."""
        found = count_of(value, most)
        if found is None and value is not None:
            self.changed(Guard.COUNT, key)
        return found

    def word(self, value: str, spellings: Mapping[str, str], key: str) -> str:
        """A word of a closed list in our spelling, else `other`, which is counted under its attribute key."""
        known = spelling(spellings, value)
        if known is None:
            self.changed(Guard.CLOSED, key)
        return OTHER if known is None else known

    def counts(self) -> Seen:
        """What was seen so far."""
        return Seen(self.received, self.ignored, self.refused)

    def sent_by(self, service: str, before: Seen) -> None:
        """What was seen since `before`, and changed, came from this service; its name is enforced."""
        received, ignored, refused = self._services.get(service, _NOTHING)
        self._services[service] = Seen(
            received + self.received - before.received,
            ignored + self.ignored - before.ignored,
            refused + self.refused - before.refused,
        )
        for (rule, key), count in self._changed.items():
            self._changes[Change(service, rule, key)] += count
        self._changed.clear()

    def not_read(self, fields: Mapping[str, int]) -> None:
        """Count values of these fields of the protocol, which are not kept."""
        for field, count in fields.items():
            self._changed[UNREAD, field] += count

    def earliest(self, table: str = "") -> int:
        """The earliest time of a row that stays in its table, nanoseconds."""
        age = self.context.kept.get(table)
        return self._oldest if age is None else max(self.context.received_at - age * _SECOND, self._oldest)

    @property
    def latest(self) -> int:
        """The latest time of a row, nanoseconds."""
        return self._latest

    def add_encoded(self, table: str, lengths: array[int], rows: bytes) -> None:
        """Keep rows that are encoded already, and the bytes of each."""
        self._rows[table].append(rows)
        self._lengths[table] += lengths

    def _keep(self, table: str, row: bytes) -> None:
        self._rows[table].append(row)
        self._lengths[table].append(len(row))

    def refuse_encoded(self, kind: str, rule: str, key: str, row: bytes) -> None:
        """Count a refusal; `row` is its encoded row without the id."""
        self._refusals[kind, rule] += 1
        self._refused_keys[rule, key] += 1
        self._keep(RejectionRow.TABLE, uuid(self._rejection_id()) + row)

    def _rejection_id(self) -> bytes:
        return identity.uuid5(b"%b%d" % (self._digest, sum(self._refusals.values())))

    def in_range(self, time: int, table: str = "") -> bool:
        """Whether a row of this time stays in its table: an older one is removed as soon as it is there."""
        return self.earliest(table) <= time <= self._latest

    def refuse(self, kind: str, violation: Violation, origin: Origin) -> None:
        """Count a refusal and keep a row that says when, whose, which rule and which key."""
        self._refusals[kind, violation.rule] += 1
        self._refused_keys[violation.rule, violation.key] += 1
        self.add(
            RejectionRow(
                rejection_id=self._rejection_id(),
                rejected_at=self.context.received_at,
                kind=kind,
                rule=violation.rule,
                attribute_key=violation.key,
                tenant=origin.tenant,
                agent_id=origin.agent_id,
                agent_version=origin.agent_version,
                environment=origin.environment,
                run_id=origin.run_id or None,
                trace_id=origin.trace_id or None,
                span_id=origin.span_number,
                created_at=self.context.received_at,
            )
        )

    def batch(self) -> Batch:
        """Everything collected so far."""
        left_out = dict(self.outgoing.receipt()) if self.outgoing else {}
        if self.outgoing:
            for row in self._receipts(left_out):
                self.add(row)
        return Batch(
            digest=self._digest,
            blocks={
                table: EncodedRows(self._lengths[table], b"".join(rows)) for table, rows in self._rows.items()
            },
            received=self.received,
            ignored=self.ignored,
            refused=self.refused,
            refusals=dict(self._refusals),
            changes=dict(self._changes),
            services=self._services,
            conventions=dict(self.conventions),
            forwarded=self.outgoing.forwarded() if self.outgoing else {},
            left_out=left_out,
        )

    def _receipts(self, left_out: Mapping[str, int]) -> Iterator[GateReceiptRow]:
        """What of a request that goes on does not leave as it came."""
        changed: Counter[tuple[str, str]] = Counter()
        for change, count in self._changes.items():
            changed[change.rule, change.key] += count
        fields = {("", field): count for field, count in left_out.items()}
        found = (("refused", self._refused_keys), ("changed", changed), ("left_out", fields))
        for kind, counted in found:
            for (rule, key), count in sorted(counted.items()):
                said = f"{kind}\x1f{rule}\x1f{key}".encode()
                yield GateReceiptRow(
                    receipt_id=identity.uuid5(self._digest + said),
                    request_id=self._digest,
                    received_at=self.context.received_at,
                    kind=kind,
                    rule=rule,
                    attribute_key=key,
                    records=count,
                    tenant=self.context.tenant,
                    created_at=self.context.received_at,
                )


def digest_of(signal: str, body: bytes, context: Context) -> bytes:
    """What identifies a request that is sent again: its bytes, its tenant and its signal."""
    # Of what Python has, processors help with this one; half of it keeps 128 bits.
    state = sha256(body)
    state.update(b"\x00%b\x00%b" % (context.tenant.encode(), signal.encode()))
    return state.digest()[:_DIGEST_BYTES]
