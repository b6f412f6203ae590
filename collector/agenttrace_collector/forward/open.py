"""The queues and forwarders of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from agenttrace_collector.config.pipelines import OtlpExporter
from agenttrace_collector.config.sections import Config
from agenttrace_collector.forward.worker import Forwarder
from agenttrace_collector.journal.counters import Queued
from agenttrace_collector.journal.forwarding import ForwardQueue, QueueOptions
from agenttrace_collector.journal.options import MIB
from agenttrace_collector.telemetry.metrics import Sample

if TYPE_CHECKING:
    from agenttrace_collector.forward.export import Client

_UNITS: Mapping[str, str] = {"traces": "spans", "logs": "log_records"}


def queue_options(config: Config) -> list[QueueOptions]:
    """A queue for each exporter of OTLP in each pipeline."""
    pipelines = config.service.pipelines
    default = "drop_oldest" if pipelines.stores else "wait"
    found = []
    for signal, pipeline in (("traces", pipelines.traces), ("logs", pipelines.logs)):
        for name in dict.fromkeys(pipeline.exporters):
            exporter = config.exporters.otlp.get(name)
            if exporter:
                queue = exporter.sending_queue
                drops = (queue.when_full or default) == "drop_oldest"
                found.append(QueueOptions(name, signal, queue.size_mib * MIB, drops))
    return found


def open_forwarders(config: Config, queues: Sequence[ForwardQueue]) -> list[Forwarder]:
    """A forwarder for each queue, not yet started; libraries of a protocol that is not used are not imported."""
    return [_forwarder(config.exporters.otlp, queue) for queue in queues]


def readings(queues: Sequence[ForwardQueue]) -> Iterator[Sample]:
    """The Collector's counters of exporters, by exporter."""
    for queue in queues:
        labels, unit = {"exporter": queue.options.exporter}, _UNITS[queue.options.signal]
        yield Sample(f"otelcol_exporter_sent_{unit}", queue.count(Queued.SENT), labels)
        yield Sample(f"otelcol_exporter_send_failed_{unit}", queue.count(Queued.FAILED), labels)
        yield Sample(f"otelcol_exporter_enqueue_failed_{unit}", queue.count(Queued.DROPPED), labels)
        sized = {**labels, "data_type": queue.options.signal}
        yield Sample("otelcol_exporter_queue_size", queue.count(Queued.BYTES), sized)
        yield Sample("otelcol_exporter_queue_capacity", queue.options.max_bytes, sized)


def _forwarder(exporters: Mapping[str, OtlpExporter], queue: ForwardQueue) -> Forwarder:
    name = queue.options.exporter
    return Forwarder(queue, _client(name, exporters[name]), exporters[name].retry_on_failure)


def _client(name: str, settings: OtlpExporter) -> Client:
    if name.startswith("otlp_grpc"):
        from agenttrace_collector.forward.otlp_grpc import GrpcClient  # noqa: PLC0415 - see above

        return GrpcClient(settings)
    from agenttrace_collector.forward.otlp_http import HttpClient  # noqa: PLC0415 - as above

    return HttpClient(settings)
