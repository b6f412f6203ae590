"""Sets a process up by hand: settings, tracer provider, OTLP exporter from the OTEL_* variables."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final, cast
from weakref import WeakKeyDictionary

from opentelemetry import trace
from opentelemetry._logs import get_logger, get_logger_provider, set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.environment_variables import OTEL_SERVICE_NAME
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from agenttrace.exporters import log_exporter, span_exporter
from agenttrace.processor import RunSpanProcessor
from agenttrace.runtime import SCOPE_NAME, Runtime, activate
from agenttrace.settings import Carriers, InvalidSetting, Settings, read_settings
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Labels
from agenttrace_schemas.texts import identifier
from agenttrace_schemas.vocabulary import load_extension

_PROCESSORS: Final[WeakKeyDictionary[TracerProvider, RunSpanProcessor]] = WeakKeyDictionary()


def configure(
    agent_id: str | None = None,
    agent_version: str | None = None,
    environment: str | None = None,
    *,
    events: Carriers | None = None,
    labels: Labels | None = None,
    vocabulary: str | Path | None = None,
    tracer_provider: TracerProvider | None = None,
) -> TracerProvider:
    """Set this process up and return its tracer provider; what is left out comes from the environment.

    The application's own provider is kept and gets a span processor; where there is none, one is made
    that exports over OTLP. The agent named here is that of spans outside of any `AgentTracer` run.
    Raises `InvalidSetting` where a variable or argument is not allowed, `MissingExtra` where a
    protocol needs a package that is not installed.
    """
    settings = _settings(environment, events, labels, vocabulary)
    names = {
        wire.AGENT_ID: identifier(agent_id or ""),
        wire.AGENT_VERSION: identifier(agent_version or ""),
        wire.ENVIRONMENT: identifier(settings.environment),
    }
    stamps = {key: name for key, name in names.items() if name}
    provider = tracer_provider or _existing_tracer_provider() or _new_tracer_provider(stamps)
    _stamp(provider, stamps)
    logger_provider = None if settings.events == "span" else _logger_provider(provider.resource)
    activate(Runtime(settings, logger=get_logger(SCOPE_NAME, logger_provider=logger_provider)))
    return provider


def _settings(
    environment: str | None, events: Carriers | None, labels: Labels | None, vocabulary: str | Path | None
) -> Settings:
    stated = read_settings()
    if events not in {None, "span", "log", "both"} or labels not in {None, "token", "words", "relaxed"}:
        message = "events is span, log or both; labels is token, words or relaxed"
        raise InvalidSetting(message)
    policy = stated.policy
    return replace(
        stated,
        environment=environment or stated.environment,
        events=events or stated.events,
        policy=replace(
            policy,
            labels=labels or policy.labels,
            vocabulary=load_extension(vocabulary) if vocabulary else policy.vocabulary,
        ),
    )


def _existing_tracer_provider() -> TracerProvider | None:
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        return None
    if not hasattr(provider, "add_span_processor"):
        message = "the application's tracer provider takes no span processors: set up the SDK's before"
        raise InvalidSetting(message)
    return cast("TracerProvider", provider)


def _new_tracer_provider(stamps: dict[str, str]) -> TracerProvider:
    exporter = span_exporter()
    provider = TracerProvider(resource=_resource(stamps))
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def _resource(stamps: dict[str, str]) -> Resource:
    """The agent is the service, unless the OTEL_* variables name another."""
    named = os.environ.get(OTEL_SERVICE_NAME) or Resource.create().attributes.get(wire.SERVICE_NAME, "")
    if wire.AGENT_ID not in stamps or not str(named).startswith(wire.UNKNOWN_SERVICE):
        return Resource.create()
    return Resource.create({wire.SERVICE_NAME: stamps[wire.AGENT_ID]})


def _stamp(provider: TracerProvider, stamps: dict[str, str]) -> None:
    """Add our processor to a provider once; a second call only renames the agent."""
    processor = _PROCESSORS.get(provider)
    if processor is None:
        processor = _PROCESSORS[provider] = RunSpanProcessor()
        provider.add_span_processor(processor)
    processor.outside_runs = stamps


def _logger_provider(resource: Resource) -> LoggerProvider:
    existing = get_logger_provider()
    if isinstance(existing, LoggerProvider):
        return existing
    provider = LoggerProvider(resource=resource)
    exporter = log_exporter()
    if exporter is not None:
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    set_logger_provider(provider)
    return provider
