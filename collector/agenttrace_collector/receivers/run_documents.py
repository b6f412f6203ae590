"""Receives run documents: decodes them, checks whether the run is stored, writes them to the sink."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from agenttrace_collector.decode.run_document.document import RunBatch, decode_run
from agenttrace_collector.receivers.ingest import Ingest
from agenttrace_collector.server.inflate import Coding, content_bytes, inflate
from agenttrace_collector.telemetry.spans import SpanName, span

LIMIT: Final = 16 * 1024 * 1024
READ_SECONDS: Final = 30.0
_UNIT: Final = "runs"
_TRANSPORT: Final = "api"

# Whether a run of this tenant was stored as a document before, as far as the database can tell at once.
Known: TypeAlias = Callable[[str, UUID], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class RunReceiver:
    """Takes run documents; returns when the sink has them."""

    ingest: Ingest
    known: Known

    async def take(self, body: bytes, tenant: str, coding: Coding) -> tuple[RunBatch, bool]:
        """The batch that is now stored, and whether its run is new; raises `Rejected` or `Unavailable`."""
        own = span(SpanName.RECEIVE, transport=_TRANSPORT, signal=_UNIT, bytes=len(body))
        size = content_bytes(len(body), coding, LIMIT)
        async with self.ingest.flow.reserve(size, tenant):
            with own:
                return await self._take(body, tenant, coding)

    async def _take(self, body: bytes, tenant: str, coding: Coding) -> tuple[RunBatch, bool]:
        ingest = self.ingest
        batch = await self._decoded(body, tenant, coding)
        # The journal knows what came in the last minutes, the database what came before.
        if not batch.problems and await self.known(tenant, UUID(bytes=batch.run_id)):
            ingest.metrics.record_request(_TRANSPORT, "success")
            return batch, False
        return batch, await ingest.keep(batch, _UNIT, _TRANSPORT, tenant)

    async def _decoded(self, body: bytes, tenant: str, coding: Coding) -> RunBatch:
        context = self.ingest.context(tenant)

        def decode() -> RunBatch:
            return decode_run(inflate(body, coding, LIMIT), context)

        return await self.ingest.decoder.run(decode, tenant, content_bytes(len(body), coding, LIMIT))
