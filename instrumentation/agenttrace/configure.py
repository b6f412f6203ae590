"""Sets a process up by hand: settings, tracer provider, OTLP exporter from the OTEL_* variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from opentelemetry import _logs, trace
from opentelemetry.sdk.environment_variables import OTEL_SERVICE_NAME
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from agenttrace.delivery import CountedSpanProcessor
from agenttrace.exporters import span_exporter
from agenttrace.log_pipeline import event_logger
from agenttrace.own_endpoint import check_endpoint, export_spans
from agenttrace.providers import existing_provider, keep_made, real_provider, stamp
from agenttrace.runtime import SCOPE_NAME, Runtime, activate, configured
from agenttrace.settings import Carriers, InvalidSetting, Stated, read_settings, read_vocabulary
from agenttrace.workers import follow_forks
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Labels


def configure(
    agent_id: str | None = None,
    agent_version: str | None = None,
    environment: str | None = None,
    *,
    events: Carriers | None = None,
    labels: Labels | None = None,
    vocabulary: str | Path | None = None,
    tracer_provider: trace.TracerProvider | None = None,
    endpoint: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> TracerProvider:
    """Sets up this process and returns its tracer provider; omitted arguments come from the environment.

    The application's own provider is kept and gets a span processor; where there is none, one is made
    that exports over OTLP. `agent_id`, `agent_version` and `environment` name the agent of spans outside of any
    `AgentTracer` run; they are identifiers, else they are recorded as `_redacted` and told. `events` is what carries
    the events: span, log or both. `labels` is how strict labels are: token, words or relaxed. `vocabulary` is the path
    of a JSON file with codes of your own. `tracer_provider` is used in place of the application's. `endpoint` is the
    base address of a collector, such as http://localhost:4318: spans and typed events go there, made anew from the
    allow-list, beside what the provider exports already; `headers` are sent along, and nothing of OTEL_*_HEADERS.

    A second call changes what it states. Everything else stays: the provider with its processors and
    exporters, the counters, and the arguments of earlier calls. Tracers made before follow it.
    Raises `InvalidSetting` where a variable or argument is not allowed, or the vocabulary file is
    missing, and `MissingExtra` where a protocol needs a package that is not installed.
    """
    _check(events, labels)
    check_endpoint(endpoint)
    added = read_vocabulary(vocabulary, "vocabulary") if vocabulary else None
    runtime = configured()
    stated = runtime.stated.then(
        Stated(
            agent_id, agent_version, environment, events, labels, added, tracer_provider, endpoint, headers
        )
    )
    settings = stated.over(read_settings())
    runtime = replace(runtime, settings=settings, stated=stated)
    stamps = _stamps(runtime)
    provider = _set_provider(stated.tracer_provider) or _new_tracer_provider(stamps, stated)
    stamp(provider, stamps)
    if stated.endpoint:
        export_spans(real_provider(provider), stated.endpoint, dict(stated.headers or {}))
    make_logger = partial(event_logger, _resource_of(provider), stated)
    # Of runs that have ended something is said seldom: then their log records have a pipeline made.
    logger = _logs.get_logger(SCOPE_NAME) if settings.events == "span" else make_logger()
    activate(replace(runtime, logger=logger, make_logger=make_logger))
    follow_forks()
    # Proxies take span processors and flushes like the provider that they stand for.
    return cast("TracerProvider", provider)


def _check(events: object, labels: object) -> None:
    if events not in (None, "span", "log", "both") or labels not in (None, "token", "words", "relaxed"):
        message = "events is span, log or both; labels is token, words or relaxed"
        raise InvalidSetting(message)


def _stamps(runtime: Runtime) -> dict[str, str]:
    """What is stamped on spans outside of any run; a name that is no identifier is told and counted."""
    stated = {
        wire.AGENT_ID: (runtime.stated.agent_id, "agent_id"),
        wire.AGENT_VERSION: (runtime.stated.agent_version, "agent_version"),
        wire.ENVIRONMENT: (runtime.settings.environment, "environment"),
    }
    return {key: runtime.name(value, name) for key, (value, name) in stated.items() if value}


def _set_provider(stated: trace.TracerProvider | None) -> trace.TracerProvider | None:
    """The provider that was passed or that is set; the API's proxy stands for the one that is set."""
    if stated is None or isinstance(stated, trace.ProxyTracerProvider):
        return existing_provider()
    return stated


def _resource_of(provider: trace.TracerProvider) -> Resource:
    resource = getattr(provider, "resource", None)
    return resource if isinstance(resource, Resource) else Resource.create()


def _new_tracer_provider(stamps: dict[str, str], stated: Stated) -> TracerProvider:
    exporter = None if stated.endpoint else span_exporter()
    provider = TracerProvider(resource=_resource(stamps))
    if exporter is not None:
        provider.add_span_processor(CountedSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return keep_made(provider)


def _resource(stamps: dict[str, str]) -> Resource:
    """The agent is the service, unless the OTEL_* variables name another."""
    named = os.environ.get(OTEL_SERVICE_NAME) or Resource.create().attributes.get(wire.SERVICE_NAME, "")
    if wire.AGENT_ID not in stamps or not str(named).startswith(wire.UNKNOWN_SERVICE):
        return Resource.create()
    return Resource.create({wire.SERVICE_NAME: stamps[wire.AGENT_ID]})
