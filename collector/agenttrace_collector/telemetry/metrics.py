"""Metrics for Prometheus, with the OpenTelemetry Collector's names where it has one.

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

from agenttrace_collector.telemetry.memory import resident_bytes

# A metric with its labels.
Series: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


class MetricSpec(NamedTuple):
    """A metric's type and what it counts."""

    kind: str
    help: str


class Sample(NamedTuple):
    """One value of one metric at one moment."""

    name: str
    value: float
    labels: Mapping[str, str] = {}


Probe: TypeAlias = Callable[[], Iterable[Sample]]

_COUNTER: Final = "counter"
_GAUGE: Final = "gauge"
METRICS: Final[Mapping[str, MetricSpec]] = {
    "otelcol_receiver_accepted_spans": MetricSpec(_COUNTER, "Spans taken and stored, or ignored by rule."),
    "otelcol_receiver_refused_spans": MetricSpec(_COUNTER, "Spans refused, for good or until later."),
    "otelcol_receiver_accepted_log_records": MetricSpec(_COUNTER, "Log records taken, or ignored by rule."),
    "otelcol_receiver_refused_log_records": MetricSpec(
        _COUNTER, "Log records refused, for good or until later."
    ),
    "otelcol_receiver_accepted_runs": MetricSpec(_COUNTER, "Run documents taken."),
    "otelcol_receiver_refused_runs": MetricSpec(_COUNTER, "Run documents refused, for good or until later."),
    "otelcol_receiver_accepted_evaluations": MetricSpec(_COUNTER, "Evaluations taken as documents."),
    "otelcol_receiver_refused_evaluations": MetricSpec(
        _COUNTER, "Evaluations in documents refused, for good or until later."
    ),
    "otelcol_receiver_accepted_outcomes": MetricSpec(_COUNTER, "Outcomes of runs taken as documents."),
    "otelcol_receiver_refused_outcomes": MetricSpec(
        _COUNTER, "Outcomes in documents refused, for good or until later."
    ),
    "otelcol_receiver_accepted_metric_points": MetricSpec(_COUNTER, "Metric points read and dropped."),
    "otelcol_receiver_refused_metric_points": MetricSpec(
        _COUNTER, "Metric points refused (receivers.otlp.metrics)."
    ),
    "agenttrace_received_metric_points": MetricSpec(
        _COUNTER, "Metric points in requests that could be read."
    ),
    "agenttrace_ignored_metric_points": MetricSpec(
        _COUNTER, "Metric points without a meaning here: all of them."
    ),
    "otelcol_receiver_requests": MetricSpec(_COUNTER, "Requests by outcome: success, refused, failure."),
    "otelcol_exporter_sent_spans": MetricSpec(
        _COUNTER, "Spans the database has, as steps or links; with an exporter, spans its receiver has."
    ),
    "otelcol_exporter_send_failed_spans": MetricSpec(
        _COUNTER, "Spans that the database, or an exporter's receiver, refused for good."
    ),
    "otelcol_exporter_enqueue_failed_spans": MetricSpec(
        _COUNTER, "Spans dropped because the queue of an exporter was full (sending_queue)."
    ),
    "otelcol_exporter_sent_log_records": MetricSpec(_COUNTER, "Log records an exporter's receiver has."),
    "otelcol_exporter_send_failed_log_records": MetricSpec(
        _COUNTER, "Log records an exporter's receiver refused for good."
    ),
    "otelcol_exporter_enqueue_failed_log_records": MetricSpec(
        _COUNTER, "Log records dropped because the queue of an exporter was full (sending_queue)."
    ),
    "otelcol_exporter_queue_size": MetricSpec(_GAUGE, "Bytes of entries in the journal, by exporter too."),
    "otelcol_exporter_queue_capacity": MetricSpec(_GAUGE, "Bytes the journal may hold."),
    "agenttrace_http_connections": MetricSpec(_GAUGE, "Connections by HTTP listener and what they wait for."),
    "agenttrace_http_closed_connections": MetricSpec(
        _COUNTER, "Connections closed because they took too long, by what they waited for, or to make room."
    ),
    "otelcol_process_uptime": MetricSpec(_COUNTER, "Seconds since start."),
    "otelcol_process_cpu_seconds": MetricSpec(_COUNTER, "CPU seconds, user and system."),
    "otelcol_process_memory_rss": MetricSpec(_GAUGE, "Resident bytes."),
    "agenttrace_received_spans": MetricSpec(_COUNTER, "Spans in requests that could be read."),
    "agenttrace_received_log_records": MetricSpec(_COUNTER, "Log records in requests that could be read."),
    "agenttrace_received_evaluations": MetricSpec(_COUNTER, "Evaluations in documents that could be read."),
    "agenttrace_ignored_evaluations": MetricSpec(
        _COUNTER, "Evaluations in documents without a meaning here: none."
    ),
    "agenttrace_received_outcomes": MetricSpec(_COUNTER, "Outcomes in documents that could be read."),
    "agenttrace_ignored_outcomes": MetricSpec(
        _COUNTER, "Outcomes in documents without a meaning here: none."
    ),
    "agenttrace_received_runs": MetricSpec(_COUNTER, "Run documents that could be read."),
    "agenttrace_ignored_runs": MetricSpec(_COUNTER, "Run documents without a meaning here: none."),
    "agenttrace_ignored_spans": MetricSpec(
        _COUNTER, "Spans without a GenAI meaning; their parents are kept."
    ),
    "agenttrace_ignored_log_records": MetricSpec(_COUNTER, "Log records that are no typed event."),
    "agenttrace_settled_runs": MetricSpec(_COUNTER, "Runs settled, again after something late included."),
    "agenttrace_settle_failed_rounds": MetricSpec(_COUNTER, "Rounds of settling that the database refused."),
    "agenttrace_unplaced_runs": MetricSpec(
        _GAUGE, "Runs settled by this collector since its start of which only events are stored, no span."
    ),
    "agenttrace_unsettled_runs": MetricSpec(
        _GAUGE, "Runs in the database that wait to be settled, of every tenant; each collector says the same."
    ),
    "agenttrace_unsettled_oldest_seconds": MetricSpec(
        _GAUGE, "Seconds since something came for the run that has waited longest to be settled."
    ),
    "agenttrace_set_aside_runs": MetricSpec(
        _GAUGE, "Runs that cannot be settled and are tried again later; the first twenty by their run_id."
    ),
    "agenttrace_quota_refused_requests": MetricSpec(
        _COUNTER, "Requests refused because a tenant has used up a quota (processors.quotas)."
    ),
    "agenttrace_refused_requests": MetricSpec(
        _COUNTER,
        "Requests refused as a whole, by reason and by the service that sent them where it was read.",
    ),
    "agenttrace_refused_records": MetricSpec(_COUNTER, "Records refused, by kind and rule."),
    "agenttrace_changed_values": MetricSpec(
        _COUNTER,
        "Values stored as _redacted, as other or not at all, by the service that sent them, rule and attribute key.",
    ),
    "agenttrace_forward_left_out": MetricSpec(
        _COUNTER,
        "What of requests that go on to other backends stays here although no rule refuses it, by field of the protocol.",
    ),
    "agenttrace_records_by_service": MetricSpec(
        _COUNTER,
        "Spans, log records and parts of documents, by the service that sent them and what became of them.",
    ),
    "agenttrace_settle_engine": MetricSpec(_GAUGE, "1, by the engine that settles runs (decode.engine)."),
    "agenttrace_settle_handed_back_runs": MetricSpec(
        _COUNTER, "Runs that the compiled engine left to Python; they are settled all the same."
    ),
    "agenttrace_settle_declined_rounds": MetricSpec(
        _COUNTER, "Rounds of settling that the compiled engine left to Python as a whole."
    ),
    "agenttrace_decode_engine": MetricSpec(_GAUGE, "1, by the engine that decodes requests (decode.engine)."),
    "agenttrace_decode_handed_back_spans": MetricSpec(
        _COUNTER,
        "Spans and log records that the compiled engine left to Python; they are decoded all the same.",
    ),
    "agenttrace_decode_declined_requests": MetricSpec(
        _COUNTER, "Requests that the compiled engine left to Python as a whole."
    ),
    "agenttrace_steps": MetricSpec(_COUNTER, "Steps, by the convention that named them."),
    "agenttrace_rows_recovered": MetricSpec(_COUNTER, "Rows found in the journal at start, by table."),
    "agenttrace_rows_accepted": MetricSpec(_COUNTER, "Rows taken into the journal, by table."),
    "agenttrace_rows_duplicate": MetricSpec(_COUNTER, "Rows of requests sent again, not stored twice."),
    "agenttrace_rows_stored": MetricSpec(_COUNTER, "Rows the database has, by table."),
    "agenttrace_rows_refused": MetricSpec(_COUNTER, "Rows the database refused for good, by table."),
    "agenttrace_journal_rows": MetricSpec(_GAUGE, "Rows in the journal, by table."),
    "agenttrace_journal_set_aside_rows": MetricSpec(
        _GAUGE,
        "Rows in the journal that the database's rules refuse since they were tightened, by table; they are kept.",
    ),
    "agenttrace_journal_bytes": MetricSpec(_GAUGE, "Bytes of entries in the journal."),
    "agenttrace_journal_file_bytes": MetricSpec(_GAUGE, "Size of the journal's files."),
    "agenttrace_journal_free_bytes": MetricSpec(_GAUGE, "Bytes that are free on the journal's disk."),
    "agenttrace_journal_full_in_seconds": MetricSpec(
        _GAUGE,
        "Seconds until the journal or its disk is full at the rate of its oldest row; absent while rows are delivered.",
    ),
    "agenttrace_journal_oldest_seconds": MetricSpec(_GAUGE, "Age of the oldest entry, 0 for none."),
    "agenttrace_journal_duplicate_requests": MetricSpec(_COUNTER, "Requests sent again within the window."),
    "agenttrace_delivery_retries": MetricSpec(_COUNTER, "Inserts that will be tried again."),
    "agenttrace_delivery_blocks": MetricSpec(_COUNTER, "Blocks the database has."),
    "agenttrace_delivery_repaired_rows": MetricSpec(
        _COUNTER, "Rows that an interrupted insert had lost in the database, sent again, by table."
    ),
    "agenttrace_delivery_unrecorded_refusals": MetricSpec(
        _COUNTER, "Rows refused for good whose refusal the database refused too: nothing is left of them."
    ),
}


def series(name: str, **labels: str) -> Series:
    """A metric with these labels."""
    return name, tuple(labels.items())


class Telemetry:
    """Counters of the receivers, and readings of other parts on request."""

    def __init__(self) -> None:
        self._counts: Counter[Series] = Counter()
        self._probes: list[Probe] = [process_readings(time.monotonic())]
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def watch(self, probe: Probe) -> None:
        """Ask this for readings whenever Prometheus reads."""
        self._probes.append(probe)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self.add(series(name, **labels), amount)

    def add(self, counter: Series, amount: float = 1) -> None:
        """Add to a counter that is named once."""
        self._counts[counter] += amount  # type: ignore[assignment]  # float counts

    def readings(self) -> Iterator[Sample]:
        """Every value as it is now."""
        for (name, labels), value in self._counts.items():
            yield Sample(name, value, dict(labels))
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

    def readings() -> Iterator[Sample]:
        times = os.times()
        yield Sample("otelcol_process_uptime", time.monotonic() - started)
        yield Sample("otelcol_process_cpu_seconds", times.user + times.system)
        yield Sample("otelcol_process_memory_rss", resident_bytes())

    return readings
