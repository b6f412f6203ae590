"""The corpus: real requests of frameworks, and the facts that a reader of each scenario would assert."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

FOLDER: Final = Path(__file__).parents[1] / "corpus"


# No span or log record of the corpus is later.
RECORDED_AT: Final = 1_795_650_000_000_000_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario of a set of framework and instrumentation."""

    pair: str
    name: str
    expected: Mapping[str, Any] = field(repr=False)
    caveat: str
    framework: str
    files: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.pair}/{self.name}"

    def bodies(self, signal: str) -> list[bytes]:
        """The bodies of its requests, `traces` or `logs`, in the order of arrival."""
        named = (name for name in self.files if f".{signal}." in name)
        return [(FOLDER / self.pair / name).read_bytes() for name in named]

    def sent_at(self, signal: str, moment: int) -> list[bytes]:
        """The bodies with their times moved so that the corpus was recorded at a moment (nanoseconds)."""
        # Some clocks tell whole milliseconds, and still do afterwards.
        by = (moment - RECORDED_AT) // 10**6 * 10**6
        return [_moved(body, signal, by) for body in self.bodies(signal)]

    def trace_ids(self) -> frozenset[bytes]:
        """The traces of its spans."""
        return frozenset(span.trace_id for span, _ in self.spans())

    def spans(self) -> Iterator[tuple[Span, str]]:
        """Every span with the name of its scope."""
        for body in self.bodies("traces"):
            for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope_spans in resource_spans.scope_spans:
                    for span in scope_spans.spans:
                        yield span, scope_spans.scope.name


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Every scenario of every set."""
    return tuple(_scenarios())


def _scenarios() -> Iterator[Scenario]:
    for path in sorted(FOLDER.glob("*/meta.json")):
        meta = json.loads(path.read_text())
        for name, told in meta["scenarios"].items():
            yield Scenario(
                meta["pair"],
                name,
                told["expected"],
                told.get("caveat") or "",
                " ".join(next(iter(meta["packages"].items()))),
                tuple(told["files"]),
            )


def _moved(body: bytes, signal: str, by: int) -> bytes:
    if signal == "logs":
        logs = ExportLogsServiceRequest.FromString(body)
        for record in (each for lr in logs.resource_logs for ls in lr.scope_logs for each in ls.log_records):
            record.time_unix_nano = max(0, record.time_unix_nano + by) if record.time_unix_nano else 0
            record.observed_time_unix_nano += by
        return logs.SerializeToString()
    traces = ExportTraceServiceRequest.FromString(body)
    for span in (each for rs in traces.resource_spans for ss in rs.scope_spans for each in ss.spans):
        span.start_time_unix_nano += by
        span.end_time_unix_nano += by
        for event in span.events:
            event.time_unix_nano += by
    return traces.SerializeToString()
