"""Where rows go: the database that the configuration names, the journal before it, delivery between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from agenttrace_collector.config.sections import Config
from agenttrace_collector.config.sections import Journal as JournalSettings
from agenttrace_collector.delivery import Delivery, DeliveryOptions, Inserter
from agenttrace_collector.journal import Durability, Journal, JournalOptions, current_layouts
from agenttrace_collector.telemetry import Reading
from agenttrace_schemas.rows import SpanLinkRow, StepRow

SCHEMA_VERSION: Final = 2
_MIB: Final = 1024 * 1024
# A request of this size should still fit before the collector calls itself able to accept.
_HEADROOM_BYTES: Final = 1024 * 1024
_SPAN_TABLES: Final = frozenset({StepRow.TABLE, SpanLinkRow.TABLE})


class SwallowingDatabase:
    """`null://`: takes every block and keeps nothing, for measuring the collector without a database."""

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The journal that takes batches, and the delivery behind it."""

    journal: Journal
    delivery: Delivery
    capacity: int

    async def drain(self, seconds: float) -> bool:
        """Deliver what is in the journal; what is left after these seconds stays there for the next start."""
        return await self.delivery.flush(max(0.0, seconds))

    def obstacle(self) -> str:
        """What keeps the journal from taking more, empty for nothing."""
        return "journal is full" if self.journal.depth().bytes + _HEADROOM_BYTES > self.capacity else ""

    def facts(self) -> dict[str, object]:
        """The journal's depth and what delivery last met."""
        depth = self.journal.depth()
        return {
            "rows": depth.rows,
            "bytes": depth.bytes,
            "capacity_bytes": self.capacity,
            "oldest_seconds": round(self.journal.age(), 3),
            "delivery_error": self.delivery.progress().last_error,
        }

    def readings(self) -> Iterator[Reading]:
        """The same for Prometheus; received = stored + refused + in the journal, at one moment."""
        depth, progress = self.journal.depth(), self.delivery.progress()
        for table, tally in depth.tables.items():
            labels = {"table": table}
            yield Reading("agenttrace_rows_recovered", tally.recovered, labels)
            yield Reading("agenttrace_rows_accepted", tally.accepted, labels)
            yield Reading("agenttrace_rows_duplicate", tally.duplicate, labels)
            yield Reading("agenttrace_rows_stored", tally.delivered, labels)
            yield Reading("agenttrace_rows_refused", tally.refused, labels)
            yield Reading("agenttrace_journal_rows", tally.waiting, labels)
        spans = [tally for table, tally in depth.tables.items() if table in _SPAN_TABLES]
        yield Reading("otelcol_exporter_sent_spans", sum(tally.delivered for tally in spans))
        yield Reading("otelcol_exporter_send_failed_spans", sum(tally.refused for tally in spans))
        yield Reading("otelcol_exporter_queue_size", depth.bytes)
        yield Reading("otelcol_exporter_queue_capacity", self.capacity)
        yield Reading("agenttrace_journal_bytes", depth.bytes)
        yield Reading("agenttrace_journal_file_bytes", depth.file_bytes)
        yield Reading("agenttrace_journal_oldest_seconds", self.journal.age())
        yield Reading("agenttrace_journal_duplicate_requests", depth.duplicate_requests)
        for table, count in progress.retries.items():
            yield Reading("agenttrace_delivery_retries", count, {"table": table})
        for table, count in progress.blocks.items():
            yield Reading("agenttrace_delivery_blocks", count, {"table": table})


@asynccontextmanager
async def opened_storage(config: Config, remaining: Callable[[], float]) -> AsyncIterator[Storage]:
    """Open database and journal and deliver; at the end deliver what is left, within `remaining()` seconds."""
    database = await asyncio.to_thread(open_database, config)
    journal = Journal(_options(config.journal), current_layouts(SCHEMA_VERSION))
    recovered = await asyncio.to_thread(journal.open)
    settings = config.exporters.clickhouse
    options = DeliveryOptions(block_rows=settings.block_rows, block_age=settings.block_age)
    storage = Storage(
        journal, Delivery(journal, database, options=options), config.journal.max_size_mib * _MIB
    )
    storage.delivery.start(recovered)
    try:
        yield storage
    finally:
        await storage.drain(remaining())
        await asyncio.to_thread(storage.delivery.stop, max(1.0, remaining()))
        await asyncio.to_thread(journal.close)


def open_database(config: Config) -> Inserter:
    """The database of the configuration; an embedded one is migrated here, its owner."""
    if config.exporters.clickhouse.endpoint.startswith("null:"):
        return SwallowingDatabase()
    raise NotImplementedError


def _options(settings: JournalSettings) -> JournalOptions:
    return JournalOptions(settings.directory, Durability(settings.durability), settings.max_size_mib)
