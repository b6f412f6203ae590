"""Counts requests and what became of the records in them."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final

from agenttrace_collector.decode.batch import Batch, Change, Seen
from agenttrace_collector.errors import CollectorError, Reason
from agenttrace_collector.telemetry.metrics import Series, Telemetry, series
from agenttrace_schemas.rules import OTHER

_log: Final = logging.getLogger(__name__)
# Refusals for one reason are warned of once in so many seconds.
_WARN_SECONDS: Final = 60.0
# Names of services are enforced identifiers, but anyone may send any number of them.
_MOST_SERVICES: Final = 100


class RequestMetrics:
    """The counters of receivers. `unit` is spans, log_records, runs, evaluations, outcomes or metric_points, `transport` grpc or http."""

    def __init__(self, telemetry: Telemetry, now: Callable[[], float] = time.monotonic) -> None:
        self._count = telemetry.count
        self._add = telemetry.add
        self._services: set[str] = set()
        self._now = now
        # By reason, when the log may next warn of it and how many refusals it has not told of.
        self._warn_at: dict[Reason, float] = {}
        self._untold: Counter[Reason] = Counter()

    def record_accepted(self, unit: str, transport: str, batch: Batch) -> None:
        """Counts a request that was stored, with what was refused in it."""
        self._record_records(unit, transport, batch, refused=batch.refused)
        self._add(_ignored(unit), batch.ignored)
        for (kind, rule), count in batch.refusals.items():
            self._count("agenttrace_refused_records", count, kind=kind, rule=rule)
        for change, count in batch.changes.items():
            self._record_change(change, count)
        for key, count in batch.left_out.items():
            self._count("agenttrace_forward_left_out", count, key=key)
        for convention, count in batch.conventions.items():
            self._count("agenttrace_steps", count, convention=convention)
        for service, seen in batch.services.items():
            self._record_service(service, seen)
        self.record_request(transport, "success")

    def record_refused(self, unit: str, transport: str, batch: Batch) -> None:
        """Counts a request that was read and could not be stored; the sender was told."""
        self._record_records(unit, transport, batch, refused=batch.received)

    def record_refusal(self, transport: str, error: CollectorError) -> None:
        """Counts a request that was refused as a whole, by reason and service; warns of each reason once a minute."""
        self.record_request(transport, "refused")
        service = self._service_label(error.service) if error.service else ""
        reason = error.reason
        self._count("agenttrace_refused_requests", transport=transport, reason=str(reason), service=service)
        self._untold[reason] += 1
        if self._now() >= self._warn_at.get(reason, float("-inf")):
            self._warn_at[reason] = self._now() + _WARN_SECONDS
            named = f", the last from {service}" if service else ""
            _log.warning(
                "%d requests refused over %s (%s)%s", self._untold.pop(reason), transport, reason, named
            )

    def record_request(self, transport: str, outcome: str) -> None:
        """Counts a finished request; `outcome` is success, refused or failure."""
        self._add(_requests(transport, outcome))

    def _record_change(self, change: Change, count: int) -> None:
        service = self._service_label(change.service)
        self._count("agenttrace_changed_values", count, service=service, rule=change.rule, key=change.key)

    def _record_service(self, service: str, seen: Seen) -> None:
        service = self._service_label(service)
        for counter, count in zip(_by_service(service), seen, strict=True):
            self._add(counter, count)

    def _record_records(self, unit: str, transport: str, batch: Batch, *, refused: int) -> None:
        received, accepted, turned_away = _records(unit, transport)
        self._add(received, batch.received)
        self._add(accepted, batch.received - refused)
        self._add(turned_away, refused)

    def _service_label(self, name: str) -> str:
        """The service's name as a label; once there are 100 names, new ones become `other`."""
        if name not in self._services and len(self._services) >= _MOST_SERVICES:
            name = OTHER
        self._services.add(name)
        return name


@cache
def _records(unit: str, transport: str) -> tuple[Series, Series, Series]:
    """The counters of records received, accepted and refused."""
    names = (
        f"agenttrace_received_{unit}",
        f"otelcol_receiver_accepted_{unit}",
        f"otelcol_receiver_refused_{unit}",
    )
    received, accepted, refused = (series(name, receiver="otlp", transport=transport) for name in names)
    return received, accepted, refused


@cache
def _ignored(unit: str) -> Series:
    return series(f"agenttrace_ignored_{unit}")


@cache
def _requests(transport: str, outcome: str) -> Series:
    return series("otelcol_receiver_requests", receiver="otlp", transport=transport, outcome=outcome)


@lru_cache(_MOST_SERVICES + 1)
def _by_service(service: str) -> tuple[Series, ...]:
    """The counters of a service, in the order of `Seen`."""
    outcomes = Seen._fields
    return tuple(
        series("agenttrace_records_by_service", service=service, outcome=outcome) for outcome in outcomes
    )
