"""Our own way out beside another backend: spans and typed events made anew, to an endpoint that `configure` was given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_HEADERS,
    OTEL_EXPORTER_OTLP_LOGS_HEADERS,
    OTEL_EXPORTER_OTLP_TRACES_HEADERS,
)

from agenttrace.delivery import CountedLogProcessor, CountedSpanProcessor
from agenttrace.exporters import otlp_log_exporter, otlp_span_exporter
from agenttrace.exporting import AgentTraceLogExporter, AgentTraceSpanExporter
from agenttrace.identity import IdentityMap
from agenttrace.settings import InvalidSetting

# The endpoints that each provider exports to already: a cell that is run twice adds none.
_GIVEN: Final[IdentityMap[Any, set[str]]] = IdentityMap()
# The keys of another backend, which are not for us.
_HEADERS: Final = (
    OTEL_EXPORTER_OTLP_HEADERS,
    OTEL_EXPORTER_OTLP_TRACES_HEADERS,
    OTEL_EXPORTER_OTLP_LOGS_HEADERS,
)


def check_endpoint(endpoint: str | None) -> None:
    """Raises `InvalidSetting` unless it is None or the address of a collector."""
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        message = "endpoint: must be the base address of a collector, such as http://localhost:4318"
        raise InvalidSetting(message)


def export_spans(provider: Any, endpoint: str, headers: dict[str, str]) -> None:
    """Let a tracer provider export to the endpoint as well, once."""
    if _is_new(provider, "add_span_processor", endpoint):
        with _own_headers():
            exporter = otlp_span_exporter(endpoint, headers)
        provider.add_span_processor(CountedSpanProcessor(AgentTraceSpanExporter(exporter)))


def export_logs(provider: Any, endpoint: str, headers: dict[str, str]) -> None:
    """Let a logger provider export typed events to the endpoint as well, once; other records stay with it."""
    if _is_new(provider, "add_log_record_processor", endpoint):
        with _own_headers():
            exporter = otlp_log_exporter(endpoint, headers)
        provider.add_log_record_processor(CountedLogProcessor(AgentTraceLogExporter(exporter)))


def _is_new(provider: Any, method: str, endpoint: str) -> bool:
    given = _GIVEN.setdefault(provider, set())
    if not hasattr(provider, method) or endpoint in given:
        return False
    given.add(endpoint)
    return True


@contextmanager
def _own_headers() -> Iterator[None]:
    """The exporter reads the variables as it is made, and these are of another backend."""
    kept = {name: os.environ.pop(name) for name in _HEADERS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
