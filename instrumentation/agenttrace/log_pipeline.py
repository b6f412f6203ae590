"""The pipeline of log records: the application's own, else one that exports over OTLP."""

from __future__ import annotations

import threading
from typing import Final, cast

from opentelemetry import _logs
from opentelemetry._logs import Logger
from opentelemetry._logs._internal import ProxyLoggerProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource

from agenttrace.delivery import CountedLogProcessor
from agenttrace.exporters import log_exporter
from agenttrace.own_endpoint import export_logs
from agenttrace.runtime import SCOPE_NAME
from agenttrace.settings import Stated

_MAKING: Final = threading.Lock()


def event_logger(resource: Resource, stated: Stated) -> Logger:
    """The logger of typed events, on the provider that is set; where there is none, one is made."""
    with _MAKING:
        return _logs.get_logger(SCOPE_NAME, logger_provider=_logger_provider(resource, stated))


def _logger_provider(resource: Resource, stated: Stated) -> _logs.LoggerProvider:
    existing = _logs.get_logger_provider()
    provider = LoggerProvider(resource=resource) if isinstance(existing, ProxyLoggerProvider) else existing
    if stated.endpoint:
        export_logs(provider, stated.endpoint, dict(stated.headers or {}))
    if provider is existing:
        return existing
    exporter = None if stated.endpoint else log_exporter()
    if exporter is not None:
        cast("LoggerProvider", provider).add_log_record_processor(CountedLogProcessor(exporter))
    _logs.set_logger_provider(provider)
    return provider
