"""What the collector says of itself to Prometheus, under the OpenTelemetry Collector's names where one exists.

Everything is counted on the event loop; the state of journal and delivery is asked for when
Prometheus reads. Labels are rule ids, tables, fixed words, the attribute keys that are read and the enforced names of services.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agenttrace_collector.decode.batch import Batch, Change, Seen
from agenttrace_collector.errors import Forbidden, Unauthenticated, wire_status
from agenttrace_collector.server.auth import Authenticator, Role
from agenttrace_collector.telemetry.memory import resident_bytes
from agenttrace_schemas.rules import OTHER

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Labels: TypeAlias = tuple[tuple[str, str], ...]


class Described(NamedTuple):
    """A metric's type and what it counts."""

    kind: str
    help: str


class Reading(NamedTuple):
    """One value of one metric at one moment."""

    name: str
    value: float
    labels: Mapping[str, str] = {}


Probe: TypeAlias = Callable[[], Iterable[Reading]]

# Names of services are enforced identifiers, but anyone may send any number of them.
_MOST_SERVICES: Final = 100
_COUNTER: Final = "counter"
_GAUGE: Final = "gauge"
METRICS: Final[Mapping[str, Described]] = {
    "otelcol_receiver_accepted_spans": Described(_COUNTER, "Spans taken and stored, or ignored by rule."),
    "otelcol_receiver_refused_spans": Described(_COUNTER, "Spans refused, for good or until later."),
    "otelcol_receiver_accepted_log_records": Described(_COUNTER, "Log records taken, or ignored by rule."),
    "otelcol_receiver_refused_log_records": Described(
        _COUNTER, "Log records refused, for good or until later."
    ),
    "otelcol_receiver_accepted_runs": Described(_COUNTER, "Run documents taken."),
    "otelcol_receiver_refused_runs": Described(_COUNTER, "Run documents refused, for good or until later."),
    "otelcol_receiver_accepted_metric_points": Described(_COUNTER, "Metric points read and dropped."),
    "otelcol_receiver_refused_metric_points": Described(
        _COUNTER, "Metric points refused (receivers.otlp.metrics)."
    ),
    "agenttrace_received_metric_points": Described(_COUNTER, "Metric points in requests that could be read."),
    "agenttrace_ignored_metric_points": Described(
        _COUNTER, "Metric points without a meaning here: all of them."
    ),
    "otelcol_receiver_requests": Described(_COUNTER, "Requests by outcome: success, refused, failure."),
    "otelcol_exporter_sent_spans": Described(_COUNTER, "Spans the database has, as steps or links."),
    "otelcol_exporter_send_failed_spans": Described(_COUNTER, "Spans the database refused for good."),
    "otelcol_exporter_queue_size": Described(_GAUGE, "Bytes of entries in the journal."),
    "otelcol_exporter_queue_capacity": Described(_GAUGE, "Bytes the journal may hold."),
    "agenttrace_http_connections": Described(_GAUGE, "Connections by HTTP listener and what they wait for."),
    "agenttrace_http_closed_connections": Described(
        _COUNTER, "Connections closed because they took too long, by what they waited for, or to make room."
    ),
    "otelcol_process_uptime": Described(_COUNTER, "Seconds since start."),
    "otelcol_process_cpu_seconds": Described(_COUNTER, "CPU seconds, user and system."),
    "otelcol_process_memory_rss": Described(_GAUGE, "Resident bytes."),
    "agenttrace_received_spans": Described(_COUNTER, "Spans in requests that could be read."),
    "agenttrace_received_log_records": Described(_COUNTER, "Log records in requests that could be read."),
    "agenttrace_received_runs": Described(_COUNTER, "Run documents that could be read."),
    "agenttrace_ignored_runs": Described(_COUNTER, "Run documents without a meaning here: none."),
    "agenttrace_ignored_spans": Described(_COUNTER, "Spans without a GenAI meaning; their parents are kept."),
    "agenttrace_ignored_log_records": Described(_COUNTER, "Log records that are no typed event."),
    "agenttrace_settled_runs": Described(_COUNTER, "Runs settled, again after something late included."),
    "agenttrace_settle_failed_rounds": Described(_COUNTER, "Rounds of settling that the database refused."),
    "agenttrace_set_aside_runs": Described(
        _GAUGE, "Runs that cannot be settled and are tried again later; the first twenty by their run_id."
    ),
    "agenttrace_quota_refused_requests": Described(
        _COUNTER, "Requests refused because a tenant has used up a quota (processors.quotas)."
    ),
    "agenttrace_refused_records": Described(_COUNTER, "Records refused, by kind and rule."),
    "agenttrace_changed_values": Described(
        _COUNTER,
        "Values stored as _redacted, as other or not at all, by the service that sent them, rule and attribute key.",
    ),
    "agenttrace_records_by_service": Described(
        _COUNTER, "Spans and log records by the service that sent them and what became of them."
    ),
    "agenttrace_steps": Described(_COUNTER, "Steps, by the convention that named them."),
    "agenttrace_rows_recovered": Described(_COUNTER, "Rows found in the journal at start, by table."),
    "agenttrace_rows_accepted": Described(_COUNTER, "Rows taken into the journal, by table."),
    "agenttrace_rows_duplicate": Described(_COUNTER, "Rows of requests sent again, not stored twice."),
    "agenttrace_rows_stored": Described(_COUNTER, "Rows the database has, by table."),
    "agenttrace_rows_refused": Described(_COUNTER, "Rows the database refused for good, by table."),
    "agenttrace_journal_rows": Described(_GAUGE, "Rows in the journal, by table."),
    "agenttrace_journal_bytes": Described(_GAUGE, "Bytes of entries in the journal."),
    "agenttrace_journal_file_bytes": Described(_GAUGE, "Size of the journal's files."),
    "agenttrace_journal_oldest_seconds": Described(_GAUGE, "Age of the oldest entry, 0 for none."),
    "agenttrace_journal_duplicate_requests": Described(_COUNTER, "Requests sent again within the window."),
    "agenttrace_delivery_retries": Described(_COUNTER, "Inserts that will be tried again."),
    "agenttrace_delivery_blocks": Described(_COUNTER, "Blocks the database has."),
    "agenttrace_delivery_repaired_rows": Described(
        _COUNTER, "Rows that an interrupted insert had lost in the database, sent again, by table."
    ),
    "agenttrace_delivery_unrecorded_refusals": Described(
        _COUNTER, "Rows refused for good whose refusal the database refused too: nothing is left of them."
    ),
}


class Telemetry:
    """Counts what receivers do and asks the probes for the rest."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._services: set[str] = set()
        self._probes: list[Probe] = [process_readings(time.monotonic())]
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def watch(self, probe: Probe) -> None:
        """Ask this for readings whenever Prometheus reads."""
        self._probes.append(probe)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._counts[name, tuple(labels.items())] += amount  # type: ignore[assignment]  # float counts

    def taken(self, unit: str, transport: str, batch: Batch) -> None:
        """A request that was stored, with what was refused in it."""
        self._seen(unit, transport, batch, refused=batch.refused)
        self.count(f"agenttrace_ignored_{unit}", batch.ignored)
        for (kind, rule), count in batch.refusals.items():
            self.count("agenttrace_refused_records", count, kind=kind, rule=rule)
        for change, count in batch.changes.items():
            self._count_change(change, count)
        for convention, count in batch.conventions.items():
            self.count("agenttrace_steps", count, convention=convention)
        for service, seen in batch.services.items():
            self._count_service(service, seen)
        self.request(transport, "success")

    def turned_away(self, unit: str, transport: str, batch: Batch) -> None:
        """A request that was read and could not be stored; the sender was told."""
        self._seen(unit, transport, batch, refused=batch.received)

    def request(self, transport: str, outcome: str) -> None:
        """A request that ended so."""
        self.count("otelcol_receiver_requests", receiver="otlp", transport=transport, outcome=outcome)

    def _service(self, name: str) -> str:
        """The name as a label: of ever more services the later ones are `other`."""
        if name not in self._services and len(self._services) >= _MOST_SERVICES:
            name = OTHER
        self._services.add(name)
        return name

    def _count_change(self, change: Change, count: int) -> None:
        service = self._service(change.service)
        self.count("agenttrace_changed_values", count, service=service, rule=change.rule, key=change.key)

    def _count_service(self, service: str, seen: Seen) -> None:
        service = self._service(service)
        for outcome, count in seen._asdict().items():
            self.count("agenttrace_records_by_service", count, service=service, outcome=outcome)

    def _seen(self, unit: str, transport: str, batch: Batch, *, refused: int) -> None:
        labels = {"receiver": "otlp", "transport": transport}
        self.count(f"agenttrace_received_{unit}", batch.received, **labels)
        self.count(f"otelcol_receiver_accepted_{unit}", batch.received - refused, **labels)
        self.count(f"otelcol_receiver_refused_{unit}", refused, **labels)

    def readings(self) -> Iterator[Reading]:
        """Every value as it is now."""
        for (name, labels), value in self._counts.items():
            yield Reading(name, value, dict(labels))
        for probe in self._probes:
            yield from probe()

    def collect(self) -> Iterator[Metric]:
        """The readings as prometheus-client wants them."""
        families = {name: Metric(name, metric.help, metric.kind) for name, metric in METRICS.items()}
        for reading in self.readings():
            families[reading.name].add_sample(reading.name, dict(reading.labels), reading.value)
        yield from families.values()

    def exposition(self) -> bytes:
        """The text Prometheus reads."""
        # The client announces counters as NAME_total; the Collector's names have no suffix.
        return re.sub(rb"(?m)^(# (?:HELP|TYPE) \w+)_total ", rb"\1 ", generate_latest(self._registry))


def process_readings(started: float) -> Probe:
    """What the process itself uses; `started` is the monotonic time of its start."""

    def readings() -> Iterator[Reading]:
        times = os.times()
        yield Reading("otelcol_process_uptime", time.monotonic() - started)
        yield Reading("otelcol_process_cpu_seconds", times.user + times.system)
        yield Reading("otelcol_process_memory_rss", resident_bytes())

    return readings


def metrics_app(telemetry: Telemetry, authenticator: Authenticator | None = None) -> Starlette:
    """GET /metrics, with an `authenticator` for tokens of the role metrics."""

    async def metrics(request: Request) -> Response:
        try:
            if authenticator:
                authenticator.identify(request.headers.get("authorization"), Role.METRICS)
        except (Unauthenticated, Forbidden) as error:
            return PlainTextResponse(f"{error}\n", wire_status(error).http, {"www-authenticate": "Bearer"})
        return Response(telemetry.exposition(), media_type=CONTENT_TYPE)

    return Starlette(routes=[Route("/metrics", metrics)])
