"""The warning of a collector that others can reach without having to say who they are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final, NamedTuple

from agenttrace_collector.config.sections import Config, Tls
from agenttrace_collector.config.values import address

_log: Final = logging.getLogger(__name__)


class Opening(NamedTuple):
    """A listener by its place in the configuration."""

    key: str
    endpoint: str | None
    tls: Tls | None


def warn_if_exposed(config: Config) -> None:
    """Say for each listener beyond loopback what protects it too little."""
    for key, lacking in exposed(config):
        _log.warning("EXPOSED: %s can be reached from other machines without %s", key, " and ".join(lacking))


def exposed(config: Config) -> Iterator[tuple[str, list[str]]]:
    """The listeners that other machines can reach, and which protections they lack."""
    has_tokens = config.extensions.auth.tokens_file is not None
    for opening in openings(config):
        if opening.endpoint is None or address(opening.endpoint).is_loopback:
            continue
        knows_sender = has_tokens or (opening.tls is not None and opening.tls.client_ca_file is not None)
        lacking = [] if knows_sender else ["authentication"]
        lacking += [] if opening.tls else ["TLS"]
        if lacking:
            yield opening.key, lacking


def openings(config: Config) -> list[Opening]:
    """Every listener that the configuration knows."""
    protocols, extensions = config.receivers.otlp.protocols, config.extensions
    metrics = config.service.telemetry.metrics
    named = {
        "receivers.otlp.protocols.grpc": protocols.grpc,
        "receivers.otlp.protocols.http": protocols.http,
        "extensions.api": extensions.api,
        "extensions.clickhouse_http": extensions.clickhouse_http,
        "extensions.health_check": extensions.health_check,
    }
    listeners = [Opening(key, listener.endpoint, listener.tls) for key, listener in named.items()]
    return [*listeners, Opening("service.telemetry.metrics", metrics.address, metrics.tls)]
