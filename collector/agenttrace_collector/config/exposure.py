"""Warns of listeners that other machines can reach without authentication.

Health never needs a token. Metrics, which name the services of every tenant, need one if `require_token` is set.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final, NamedTuple

from agenttrace_collector.config.sections import Config, Tls
from agenttrace_collector.config.values import address

_log: Final = logging.getLogger(__name__)
_OPEN_METRICS: Final = (
    "tokens are required everywhere but for service.telemetry.metrics, which names the services of every tenant"
    " (require_token changes that), and extensions.health_check"
)


class OpenListener(NamedTuple):
    """A listener and its key in the configuration."""

    key: str
    endpoint: str | None
    tls: Tls | None
    asks_token: bool


def warn_if_exposed(config: Config) -> None:
    """Logs for each listener beyond loopback which protections it lacks."""
    for key, lacking in exposed(config):
        _log.warning("EXPOSED: %s can be reached from other machines without %s", key, " and ".join(lacking))
    metrics = config.service.telemetry.metrics
    if config.extensions.auth.tokens_file and metrics.address and not metrics.require_token:
        _log.warning(_OPEN_METRICS)


def exposed(config: Config) -> Iterator[tuple[str, list[str]]]:
    """Yields the listeners that other machines can reach, with the protections that they lack."""
    for opening in openings(config):
        if opening.endpoint is None or address(opening.endpoint).is_loopback:
            continue
        knows_sender = opening.asks_token or (
            opening.tls is not None and opening.tls.client_ca_file is not None
        )
        lacking = [] if knows_sender else ["authentication"]
        lacking += [] if opening.tls else ["TLS"]
        if lacking:
            yield opening.key, lacking


def openings(config: Config) -> list[OpenListener]:
    """Returns every listener of the configuration, those that are off included."""
    protocols, extensions = config.receivers.otlp.protocols, config.extensions
    has_tokens = extensions.auth.tokens_file is not None
    metrics = config.service.telemetry.metrics
    named = {
        "receivers.otlp.protocols.grpc": protocols.grpc,
        "receivers.otlp.protocols.http": protocols.http,
        "extensions.api": extensions.api,
        "extensions.clickhouse_http": extensions.clickhouse_http,
    }
    listeners = [OpenListener(key, each.endpoint, each.tls, has_tokens) for key, each in named.items()]
    check = extensions.health_check
    return [
        *listeners,
        OpenListener("extensions.health_check", check.endpoint, check.tls, asks_token=False),
        OpenListener("service.telemetry.metrics", metrics.address, metrics.tls, metrics.require_token),
    ]
