"""Every metric that the collector exposes."""

from __future__ import annotations

from typing import Final

from agenttrace_collector.telemetry.metrics import METRICS

_OPENING: Final = """\
# Metrics

<!-- Made by `python -m deploy.generate`; a test holds it in step. -->

The collector says this of itself at `service.telemetry.metrics.address` (127.0.0.1:8888/metrics), for Prometheus.
Names are the OpenTelemetry Collector's where it has one; the others begin with `agenttrace_`. Labels are rule ids,
tables, conventions, fixed words and enforced names of services (a hundred of them, the rest as one); no label holds
anything else that was sent. `agenttrace doctor` reads them and says what they mean.
"""


def metrics_page() -> str:
    """The page as Markdown."""
    rows = (f"| `{name}` | {each.kind} | {each.help} |" for name, each in METRICS.items())
    return "\n".join([_OPENING, "| metric | type | what it tells |", "| --- | --- | --- |", *rows, ""])
