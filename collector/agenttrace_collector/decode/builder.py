"""Collects the rows and refusals of one request into a batch."""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import blake2b

from agenttrace_collector.decode import identity
from agenttrace_collector.decode.batch import Batch, Block, Context, Seen
from agenttrace_collector.decode.events import Origin
from agenttrace_collector.decode.rowbinary import encode
from agenttrace_schemas.rows import RejectionRow, Row
from agenttrace_schemas.rules import Violation
from agenttrace_schemas.texts import REDACTED, identifier

_YEAR = 365 * 86_400 * 10**9
_DAY = 86_400 * 10**9


class BatchBuilder:
    """Rows by table as they are made, and what was refused, ignored or redacted on the way."""

    def __init__(self, context: Context, digest: bytes) -> None:
        self.context = context
        self.received = 0
        self.ignored = 0
        self.refused = 0
        self._digest = digest
        self._rows: defaultdict[str, list[bytes]] = defaultdict(list)
        self._refusals: Counter[tuple[str, str]] = Counter()
        self._redactions: Counter[str] = Counter()
        self._services: dict[str, Seen] = {}
        self.conventions: Counter[str] = Counter()
        self._earliest = context.received_at - 5 * _YEAR
        self._latest = context.received_at + _DAY

    def add(self, row: Row) -> None:
        """Keep a row."""
        self._rows[row.TABLE].append(encode(row))

    def identifier(self, value: str) -> str:
        """An enforced identifier; one that is redacted is counted."""
        kept = identifier(value) if value else value
        if kept is REDACTED:
            self._redactions["identifier.pattern"] += 1
        return kept

    def counts(self) -> Seen:
        """What was seen so far."""
        return Seen(self.received, self.ignored, self.refused)

    def sent_by(self, service: str, before: Seen) -> None:
        """What was seen since `before` came from this service."""
        name = self.identifier(service)
        earlier = self._services.get(name, Seen(0, 0, 0))
        parts = zip(earlier, self.counts(), before, strict=True)
        self._services[name] = Seen(*(sum_ + now - then for sum_, now, then in parts))

    def in_range(self, time: int) -> bool:
        """Whether a time is one the partitions and their TTL are made for."""
        return self._earliest <= time <= self._latest

    def refuse(self, kind: str, violation: Violation, origin: Origin) -> None:
        """Count a refusal and keep a row that says when, whose, which rule and which key."""
        self._refusals[kind, violation.rule] += 1
        ordinal = sum(self._refusals.values())
        self.add(
            RejectionRow(
                rejection_id=identity.uuid5(b"%b%d" % (self._digest, ordinal)),
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
        return Batch(
            digest=self._digest,
            blocks={table: Block(len(rows), b"".join(rows)) for table, rows in self._rows.items()},
            received=self.received,
            ignored=self.ignored,
            refused=self.refused,
            refusals=dict(self._refusals),
            redactions=dict(self._redactions),
            services=self._services,
            conventions=dict(self.conventions),
        )


def digest_of(signal: str, body: bytes, context: Context) -> bytes:
    """What identifies a request that is sent again: its bytes, its tenant and its signal."""
    state = blake2b(body, digest_size=16)
    state.update(b"\x00%b\x00%b" % (context.tenant.encode(), signal.encode()))
    return state.digest()
