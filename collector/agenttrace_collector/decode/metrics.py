"""Counts the points of OTLP metrics and drops them; metrics are not stored."""

from __future__ import annotations

from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from agenttrace_collector.decode.batch import Batch, Context, Unread
from agenttrace_collector.decode.builder import digest_of
from agenttrace_collector.decode.outgoing import Outgoing
from agenttrace_collector.decode.parse import parse

_KIND: Final = "data"


def ignored_metrics(
    body: bytes, context: Context, _unread: Unread = (), _outgoing: Outgoing | None = None, /
) -> Batch:
    """Returns a batch without rows that counts the points as ignored; raises `Rejected` if the bytes are no request."""
    return _batch(body, context, refuse=False)


def refused_metrics(
    body: bytes, context: Context, _unread: Unread = (), _outgoing: Outgoing | None = None, /
) -> Batch:
    """Returns a batch without rows that counts the points as refused, so that the sender is told; raises `Rejected`."""
    return _batch(body, context, refuse=True)


def _batch(body: bytes, context: Context, *, refuse: bool) -> Batch:
    request = parse(ExportMetricsServiceRequest, body)
    points = sum(
        _points(metric)
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
    return Batch(
        digest=digest_of("metrics", body, context),
        blocks={},
        received=points,
        ignored=0 if refuse else points,
        refused=points if refuse else 0,
        refusals={},
        changes={},
    )


def _points(metric: Metric) -> int:
    kind = metric.WhichOneof(_KIND)
    return len(getattr(metric, kind).data_points) if kind else 0
