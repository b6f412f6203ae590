"""Plug-ins of `opentelemetry-instrument`: a distro, a configurator and an instrumentor, none of which needs code.

`OTEL_PYTHON_DISTRO=agenttrace OTEL_PYTHON_CONFIGURATOR=agenttrace opentelemetry-instrument python app.py` exports
through the exporters of `agenttrace.exporting`. The package opentelemetry-instrumentation brings the command.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from importlib.metadata import entry_points
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.environment_variables import (
    OTEL_LOGS_EXPORTER,
    OTEL_METRICS_EXPORTER,
    OTEL_TRACES_EXPORTER,
)
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]  # it has no types
from opentelemetry.instrumentation.environment_variables import (
    OTEL_PYTHON_CONFIGURATOR,
    OTEL_PYTHON_DISTRO,
)
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]  # as above
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_PROTOCOL

from agenttrace.configure import configure

NAME: Final = "agenttrace"
# What the variables do not say; the collector takes no metrics.
_DEFAULTS: Final = {
    OTEL_PYTHON_CONFIGURATOR: NAME,
    OTEL_TRACES_EXPORTER: NAME,
    OTEL_LOGS_EXPORTER: NAME,
    OTEL_METRICS_EXPORTER: "none",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
}


class AgentTraceDistro(BaseDistro):  # type: ignore[misc]  # as above
    """Exports through the allow-list unless the variables say otherwise; where it is not asked for, another's turn.

    `opentelemetry-instrument` takes the first distro it finds, and being installed is no wish to be it.
    """

    def _configure(self, **kwargs: Any) -> None:
        if os.environ.get(OTEL_PYTHON_DISTRO) != NAME:
            _delegate("opentelemetry_distro", **kwargs)
            return
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)


class AgentTraceConfigurator(_OTelSDKConfigurator):
    """The SDK's own set-up, with the processor that keeps several runs in one trace apart."""

    def _configure(self, **kwargs: Any) -> None:
        if os.environ.get(OTEL_PYTHON_CONFIGURATOR) != NAME and _delegate(
            "opentelemetry_configurator", **kwargs
        ):
            return
        super()._configure(**kwargs)  # type: ignore[no-untyped-call]  # it has no types
        configure()


def _delegate(group: str, **kwargs: Any) -> bool:
    """Let the first other plug-in of a group do it; False where there is none."""
    for entry in entry_points(group=group):
        if entry.name != NAME:
            entry.load()().configure(**kwargs)
            return True
    return False


class AgentTraceInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # as above
    """Adds the processor to whatever tracer provider another distro has set up."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Nothing: it instruments no library."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        del kwargs
        if hasattr(trace.get_tracer_provider(), "add_span_processor"):
            configure()

    def _uninstrument(self, **kwargs: Any) -> None:
        """A processor cannot be taken from a provider; without runs it does nothing."""
