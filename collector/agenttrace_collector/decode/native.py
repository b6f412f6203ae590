"""The compiled engine as the collector sees it: what it accepts, with what it hands back decoded in Python."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode.batch import LENGTH, Batch, Context, Unread
from agenttrace_collector.decode.builder import BatchBuilder, digest_of
from agenttrace_collector.decode.compiled import EngineCounts, build
from agenttrace_collector.decode.native_facts import engine_facts
from agenttrace_collector.decode.otlp import decode_logs, decode_span, decode_traces
from agenttrace_collector.decode.outgoing import Outgoing
from agenttrace_collector.decode.resource import Sender
from agenttrace_collector.decode.typed_records import decode_typed_record
from agenttrace_schemas.rules import Policy

# The shape of what the engine takes and answers; collector/native/src/lib.rs has the same number.
SEAM: Final = 4

# Kind, rule, key, and the row without its id.
_Refusal: TypeAlias = tuple[str, str, str, bytes]
# Decodes one span or record from its bytes, the name of its scope and its sender.
_DecodeOne: TypeAlias = Callable[[bytes, str, Sender, BatchBuilder], None]


class _Resource(NamedTuple):
    """What came of a resource's spans: its names, counts of spans, and changes (rule, key, count)."""

    sender: Sequence[str]
    received: int
    ignored: int
    refused: int
    changes: Sequence[tuple[str, str, int]]


class _HandedBack(NamedTuple):
    """A span or record that Python decodes: its resource, its place in each block, among the refusals and in the copy."""

    resource: int
    scope: str
    span: bytes
    places: Sequence[int]
    refusals: int
    copied: tuple[int, int, int]


class _Compiled(Protocol):
    """The class `Engine` of the compiled module."""

    TABLES: Sequence[str]

    def decode(
        self,
        signal: str,
        body: bytes,
        *,
        tenant: str,
        received_at: int,
        earliest: Sequence[int],
        oldest: int,
        latest: int,
        gate: Any | None,
    ) -> Any:
        """Blocks, refusals, resources, spans handed back, conventions and the copy; None for the whole request."""


class NativeEngine:
    """Decodes requests of one policy with the compiled engine, and what it leaves in Python.

    `facts` are those of the policy unless a test gives others. Raises `EngineMissing` where it is not installed, or does not know a fact of this version.
    """

    name: str = "native"

    def __init__(self, policy: Policy, facts: Mapping[str, Any] | None = None) -> None:
        self.counts = EngineCounts()
        self.policy = policy
        self._compiled: _Compiled = build(
            "Engine", SEAM, lambda: engine_facts(policy) if facts is None else facts
        )
        self._tables = tuple(self._compiled.TABLES)

    def traces(
        self, body: bytes, context: Context, unread: Unread = (), outgoing: Outgoing | None = None, /
    ) -> Batch:
        """The batch of one ExportTraceServiceRequest; raises `Rejected` where the bytes are not one.

        The copy of a request that goes on is made with it, by the same gate.
        """
        gate = outgoing.compiled(self.policy) if outgoing else None
        if (outgoing and gate is None) or context.policy is not self.policy:
            return decode_traces(body, context, unread, outgoing)
        builder = BatchBuilder(context, digest_of("traces", body, context), outgoing)
        decoded = self._decode("traces", body, builder, gate)
        if decoded is None:
            return decode_traces(body, context, unread, outgoing)
        self._assemble(decoded, builder, unread, _decode_span)
        return builder.batch()

    def logs(
        self, body: bytes, context: Context, unread: Unread = (), outgoing: Outgoing | None = None, /
    ) -> Batch:
        """The batch of one ExportLogsServiceRequest; raises `Rejected` where the bytes are not one.

        The copy of a request that goes on is made in Python.
        """
        if outgoing or context.policy is not self.policy:
            return decode_logs(body, context, unread, outgoing)
        builder = BatchBuilder(context, digest_of("logs", body, context))
        decoded = self._decode("logs", body, builder)
        if decoded is None:
            return decode_logs(body, context, unread)
        self._assemble(decoded, builder, unread, _decode_typed)
        return builder.batch()

    def _decode(self, signal: str, body: bytes, builder: BatchBuilder, gate: Any | None = None) -> Any:
        """What the engine makes of a request; None where it declines it, which is counted."""
        context = builder.context
        decoded = self._compiled.decode(
            signal,
            body,
            tenant=context.tenant,
            received_at=context.received_at,
            earliest=[builder.earliest(table) for table in self._tables],
            oldest=builder.earliest(),
            latest=builder.latest,
            gate=gate,
        )
        if decoded is None:
            self.counts.add(declined=1)
        return decoded

    def _assemble(self, decoded: Any, builder: BatchBuilder, unread: Unread, decode: _DecodeOne) -> None:
        blocks, refusals, resources, handed_back, conventions, copy = decoded
        pieces = _Pieces(self._tables, blocks, refusals, builder)
        copied = _Copied(copy, builder.outgoing) if builder.outgoing else None
        handed = [_HandedBack(*each) for each in handed_back]
        if handed:
            self.counts.add(handed_back=len(handed))
        waiting = iter([*handed, None])
        span = next(waiting)
        for number, resource in enumerate(_Resource(*each) for each in resources):
            before = builder.counts()
            sender = Sender(*resource.sender)
            while span is not None and span.resource == number:
                pieces.add_until(span.places, span.refusals)
                if copied:
                    copied.add_until(*span.copied)
                decode(span.span, span.scope, sender, builder)
                span = next(waiting)
            if copied:
                copied.end_resource(number, sender.agent_id)
            builder.received += resource.received
            builder.ignored += resource.ignored
            builder.refused += resource.refused
            for rule, key, count in resource.changes:
                builder.changed(rule, key, count)
            builder.not_read(unread[number] if unread else {})
            builder.sent_by(sender.agent_id, before)
        pieces.add_rest()
        for source, count in conventions:
            builder.conventions[source] += count
        if copied:
            copied.leave_out()


def _decode_span(span: bytes, scope: str, sender: Sender, builder: BatchBuilder) -> None:
    decode_span(Span.FromString(span), scope, sender, builder)


def _decode_typed(record: bytes, _scope: str, sender: Sender, builder: BatchBuilder) -> None:
    decode_typed_record(LogRecord.FromString(record), sender, builder)


class _Pieces:
    """Blocks and refusals of the engine, added to the batch up to the place of each span handed back."""

    def __init__(
        self,
        tables: Sequence[str],
        blocks: Sequence[tuple[bytes, bytes]],
        refusals: Sequence[_Refusal],
        builder: BatchBuilder,
    ) -> None:
        self._tables = tables
        self._lengths = [array(LENGTH, lengths) for lengths, _ in blocks]
        self._rows = [rows for _, rows in blocks]
        self._refusals = refusals
        self._builder = builder
        self._places = [0] * len(tables)
        self._read = [0] * len(tables)
        self._refused = 0

    def add_until(self, places: Sequence[int], refusals: int) -> None:
        """Add the rows that stand before these places, one a table."""
        for number, place in enumerate(places):
            lengths = self._lengths[number][self._places[number] : place]
            if lengths:
                begin = self._read[number]
                self._read[number] = end = begin + sum(lengths)
                self._builder.add_encoded(self._tables[number], lengths, self._rows[number][begin:end])
                self._places[number] = place
        for refusal in self._refusals[self._refused : refusals]:
            self._builder.refuse_encoded(*refusal)
        self._refused = refusals

    def add_rest(self) -> None:
        """Add what is left."""
        self.add_until([len(lengths) for lengths in self._lengths], len(self._refusals))


class _Copied:
    """Spans of the engine, told to the copy up to the place of each span handed back."""

    def __init__(self, copy: Any, outgoing: Outgoing) -> None:
        self._spans, self._scopes, self._resources, self._left_out = copy
        self._outgoing = outgoing
        self._scope = 0
        self._read = (0, 0)

    def add_until(self, scope: int, end: int, spans: int) -> None:
        """Add what stands before this place in the scope of this number, in bytes and in spans."""
        self._end_scopes(scope)
        self._add(end, spans)

    def end_resource(self, number: int, service: str) -> None:
        """Add the rest of a resource; `service` is its enforced name."""
        resource, scopes = self._resources[number]
        self._end_scopes(scopes)
        self._outgoing.end_encoded_resource(resource, service)

    def leave_out(self) -> None:
        """Tell how much stays here."""
        fields = ("spans", "spans.attributes", "spans.events")
        for field, count in zip(fields, self._left_out, strict=True):
            if count:
                self._outgoing.left_out(field, count)

    def _end_scopes(self, before: int) -> None:
        while self._scope < before:
            scope, end, spans = self._scopes[self._scope]
            self._scope += 1
            self._add(end, spans)
            self._outgoing.end_encoded_scope(scope)

    def _add(self, end: int, spans: int) -> None:
        begin, before = self._read
        if spans > before:
            self._outgoing.encoded(self._spans[begin:end], spans - before)
            self._read = end, spans
