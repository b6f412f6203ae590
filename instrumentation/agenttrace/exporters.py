"""The exporters that the standard OTEL_* variables ask for; endpoint and headers are theirs to read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final, cast

from opentelemetry.environment_variables import OTEL_LOGS_EXPORTER, OTEL_TRACES_EXPORTER
from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, LogRecordExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_LOGS_PROTOCOL,
    OTEL_EXPORTER_OTLP_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
)
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SpanExporter

from agenttrace.delivery import followed
from agenttrace.settings import InvalidSetting

_PACKAGES: Final = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc",
}


class MissingExtra(ImportError):
    """A package is not installed; the message names the extra that brings it."""


def span_exporter() -> SpanExporter | None:
    """The exporter of OTEL_TRACES_EXPORTER and the OTLP protocol; None for none."""
    name = _choice(OTEL_TRACES_EXPORTER)
    if name == "otlp":
        return otlp_span_exporter()
    return ConsoleSpanExporter() if name == "console" else None


def log_exporter() -> LogRecordExporter | None:
    """The exporter of OTEL_LOGS_EXPORTER and the OTLP protocol; None for none."""
    name = _choice(OTEL_LOGS_EXPORTER)
    if name == "otlp":
        return otlp_log_exporter()
    return ConsoleLogRecordExporter() if name == "console" else None


def otlp_span_exporter(endpoint: str | None = None, headers: Mapping[str, str] | None = None) -> SpanExporter:
    """Spans over the OTLP protocol that the variables name, to their endpoint or to this base address."""
    module = _otlp(OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, "trace_exporter")
    where = _where(module, endpoint, headers, "/v1/traces")
    return cast("SpanExporter", followed(module.OTLPSpanExporter, **where))


def otlp_log_exporter(
    endpoint: str | None = None, headers: Mapping[str, str] | None = None
) -> LogRecordExporter:
    """Log records over the OTLP protocol that the variables name, to their endpoint or to this base address."""
    module = _otlp(OTEL_EXPORTER_OTLP_LOGS_PROTOCOL, "_log_exporter")
    where = _where(module, endpoint, headers, "/v1/logs")
    return cast("LogRecordExporter", followed(module.OTLPLogExporter, **where))


def _where(
    module: ModuleType, endpoint: str | None, headers: Mapping[str, str] | None, path: str
) -> dict[str, Any]:
    if endpoint is None:
        return {}
    over_http = module.__name__.startswith(_PACKAGES["http/protobuf"])
    return {
        "endpoint": endpoint.rstrip("/") + path if over_http else endpoint,
        "headers": dict(headers or {}),
    }


def _choice(variable: str) -> str:
    stated = os.environ.get(variable, "").strip() or "otlp"
    if stated not in {"otlp", "console", "none"}:
        message = f"{variable}: allowed here are otlp, console, none; others need a provider of your own"
        raise InvalidSetting(message)
    return stated


def _otlp(variable: str, module: str) -> ModuleType:
    general = OTEL_EXPORTER_OTLP_PROTOCOL
    protocol = (os.environ.get(variable) or os.environ.get(general) or "http/protobuf").strip()
    if protocol not in _PACKAGES:
        message = f"{variable} or {general}: must be one of {', '.join(_PACKAGES)}"
        raise InvalidSetting(message)
    try:
        return import_module(f"{_PACKAGES[protocol]}.{module}")
    except ImportError as error:
        message = f"OTLP over {protocol} is not installed: pip install 'agenttrace-otel[grpc]'"
        raise MissingExtra(message) from error
