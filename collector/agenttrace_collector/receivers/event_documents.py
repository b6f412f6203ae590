"""Receives evaluations and outcomes as documents: decodes them and writes them to the sink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agenttrace_collector.decode.event_documents import DocumentKind, EventBatch, decode_events
from agenttrace_collector.receivers.ingest import Ingest
from agenttrace_collector.server.inflate import Coding, content_bytes, inflate
from agenttrace_collector.telemetry.spans import SpanName, span

LIMIT: Final = 16 * 1024 * 1024
READ_SECONDS: Final = 30.0
_TRANSPORT: Final = "api"


@dataclass(frozen=True, slots=True)
class EventReceiver:
    """Takes documents of one kind; returns when the sink has them."""

    ingest: Ingest
    kind: DocumentKind

    async def take(self, body: bytes, tenant: str, coding: Coding) -> EventBatch:
        """The batch that is now stored; raises `Rejected` or `Unavailable`."""
        size, context = content_bytes(len(body), coding, LIMIT), self.ingest.context(tenant)

        def decode() -> EventBatch:
            return decode_events(self.kind, inflate(body, coding, LIMIT), context)

        async with self.ingest.flow.reserve(size, tenant):
            with span(SpanName.RECEIVE, transport=_TRANSPORT, signal=self.kind.field, bytes=len(body)):
                batch = await self.ingest.decoder.run(decode, tenant, size)
                await self.ingest.keep(batch, self.kind.field, _TRANSPORT, tenant)
        return batch
