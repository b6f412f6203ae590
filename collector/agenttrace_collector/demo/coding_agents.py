"""Sends what coding agents sent, prompts and answers included, as if it had happened in the last fourteen days.

Run it with `python -m agenttrace_collector.demo.coding_agents`; OTEL_EXPORTER_OTLP_ENDPOINT says where to.
"""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import groupby
from typing import Final, NamedTuple

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

PERIOD: Final = 14 * 86_400 * 10**9
# What each text that was said bears.
CANARY: Final = b"CANARY"
_EXPORT: Final = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_ARCHIVE: Final = "coding_agents.tar.xz"
_SECONDS: Final = 30.0


class Session(NamedTuple):
    """One use of a coding agent: its requests in their order."""

    name: str
    requests: Sequence[bytes]


def sessions() -> Iterator[Session]:
    """The packaged sessions, as they were sent."""
    packed = files(__package__).joinpath("data", _ARCHIVE).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        bodies = [(each.name, opened.read()) for each in archive if (opened := archive.extractfile(each))]
    for name, requests in groupby(bodies, key=lambda each: each[0].partition(".")[0]):
        yield Session(name, [body for _, body in requests])


def moved(session: Session, start: int) -> list[bytes]:
    """The requests of a session as if it had begun then (ns)."""
    requests = [ExportLogsServiceRequest.FromString(body) for body in session.requests]
    records = [
        record
        for request in requests
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    by = start - min(record.time_unix_nano or record.observed_time_unix_nano for record in records)
    for record in records:
        record.time_unix_nano += by if record.time_unix_nano else 0
        record.observed_time_unix_nano += by if record.observed_time_unix_nano else 0
    return [request.SerializeToString() for request in requests]


def main() -> None:
    """Send every session, the last of them some hours ago."""
    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"].partition("//")[2]
    every = list(sessions())
    start = time.time_ns() - PERIOD
    with grpc.insecure_channel(endpoint) as channel:
        export = channel.unary_unary(_EXPORT, None, None)
        for place, session in enumerate(every):
            for body in moved(session, start + PERIOD * place // len(every)):
                export(body, timeout=_SECONDS)


if __name__ == "__main__":
    main()
