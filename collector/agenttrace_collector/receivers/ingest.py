"""The common path of all receivers: decompress, decode, write to the sink, count."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeAlias

from agenttrace_collector.config.sections import QuotasSection as Settings
from agenttrace_collector.decode.batch import Batch, Context, Unread
from agenttrace_collector.decode.engine import PYTHON_INLINE_BYTES
from agenttrace_collector.decode.outgoing import Outgoing
from agenttrace_collector.errors import CollectorError
from agenttrace_collector.receivers.admission import AdmissionController
from agenttrace_collector.receivers.decoder import Decoder
from agenttrace_collector.receivers.quotas import Quotas
from agenttrace_collector.receivers.request_metrics import RequestMetrics
from agenttrace_collector.receivers.signals import OtlpSignal
from agenttrace_collector.receivers.sink import Sink
from agenttrace_collector.server.inflate import Coding, content_bytes, inflate
from agenttrace_collector.telemetry.spans import OwnSpan, SpanName, no_span, span
from agenttrace_schemas.rules import Policy

# Opens the copy of a request that goes on.
Copies: TypeAlias = Callable[[], Outgoing]


@dataclass(frozen=True, slots=True)
class Body:
    """A request as it arrived; `limit` bounds what it may inflate to."""

    data: bytes
    signal: OtlpSignal
    transport: str
    tenant: str
    limit: int
    is_json: bool = False
    coding: Coding = Coding.IDENTITY
    # Own telemetry of a collector.
    is_own: bool = False

    @property
    def content_bytes(self) -> int:
        """The size of what is in it, as far as that is known before it is unpacked."""
        return content_bytes(len(self.data), self.coding, self.limit)


@dataclass(frozen=True, slots=True)
class Ingest:
    """Decodes bodies of OTLP requests and writes them to the sink; returns when they are stored.

    `kept` is for how many seconds each table keeps its rows; `forward` opens what is forwarded, by signal.
    """

    policy: Policy
    sink: Sink
    flow: AdmissionController
    metrics: RequestMetrics
    decoder: Decoder
    kept: Mapping[str, int] = field(default_factory=dict)
    quotas: Quotas = field(default_factory=lambda: Quotas(Settings()))
    now: Callable[[], int] = time.time_ns
    forward: Mapping[str, Copies] = field(default_factory=dict)

    async def take(self, body: Body) -> Batch:
        """Stores a body; returns its batch. Raises `Rejected` or `Unavailable`, which are counted."""
        async with self.flow.reserve(body.content_bytes, body.tenant):
            with _span(body) as own:
                batch = await self._decoded(body)
                own.count(received=batch.received, ignored=batch.ignored, refused=batch.refused)
                if body.signal.is_stored:
                    await self.keep(batch, body.signal.unit, body.transport, body.tenant)
                else:
                    self.metrics.record_accepted(body.signal.unit, body.transport, batch)
        return batch

    def context(self, tenant: str) -> Context:
        """Returns the context to decode a request of this tenant that arrives now."""
        return Context(self.policy, tenant, self.now(), self.kept)

    async def keep(self, batch: Batch, unit: str, transport: str, tenant: str) -> bool:
        """Store a batch, False where it was stored before; raises `Rejected` or `Unavailable`, which are counted."""
        try:
            is_new = await self.sink.write(batch)
        except CollectorError as error:
            self.metrics.record_refused(unit, transport, batch)
            error.service = next(iter(batch.services), "")
            raise
        self.metrics.record_accepted(unit, transport, batch)
        self.quotas.charge(tenant, batch.received, batch.size if is_new else 0)
        return is_new

    async def _decoded(self, body: Body) -> Batch:
        context, copies = self.context(body.tenant), self.forward.get(body.signal.name)
        inline = PYTHON_INLINE_BYTES if body.is_json else body.signal.inline_bytes
        if len(body.data) <= inline and body.coding is Coding.IDENTITY:
            return decode(body, context, copies)
        return await self.decoder.run(lambda: decode(body, context, copies), body.tenant, body.content_bytes)


def _span(body: Body) -> AbstractContextManager[OwnSpan]:
    if body.is_own:
        return no_span()
    return span(SpanName.RECEIVE, transport=body.transport, signal=body.signal.name, bytes=len(body.data))


def decode(body: Body, context: Context, copies: Copies | None = None) -> Batch:
    """The batch of a body; pure, so that it may run in a thread."""
    data = inflate(body.data, body.coding, body.limit)
    unread: Unread = ()
    if body.is_json:
        data, unread = body.signal.from_json(data)
    return body.signal.decode(data, context, unread, copies() if copies else None)
