"""The section `derive`: when runs are settled, and from where on signals are derived."""

from __future__ import annotations

from agenttrace_collector.config.section import Positive, Section
from agenttrace_collector.config.values import Duration


class LatencyThresholds(Section):
    """Milliseconds of a step from which `latency_threshold` says so."""

    exceeded: Positive = 5_000
    significantly_exceeded: Positive = 15_000


class TokenThresholds(Section):
    """Tokens of a call from which `token_usage` says so."""

    moderate: Positive = 1_000
    high: Positive = 8_000
    limit_approached: Positive = 100_000


class Derive(Section):
    """When a run is settled, and the thresholds of derived signals.

    A round waits until a thousand runs are quiet, or until the first of them has waited for `round_wait`.
    """

    quiet: Duration = 30.0
    round_wait: Duration = 10.0
    latency_ms: LatencyThresholds = LatencyThresholds()
    tokens: TokenThresholds = TokenThresholds()
