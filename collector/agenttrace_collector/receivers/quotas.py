"""Quotas of a tenant: spans per second, bytes in the journal, unsettled runs.

Checked before a body is read and charged when it is stored: a large request is accepted, and the next one waits until its
cost is paid.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from agenttrace_collector.config.sections import QuotasSection as Settings
from agenttrace_collector.errors import Throttled
from agenttrace_collector.telemetry.metrics import Sample

_MIB: Final = 1024 * 1024
# What a tenant that has paused may send at once, in seconds of its rate.
_BURST_SECONDS: Final = 10.0
_LONGEST_SECONDS: Final = 60.0
# How long a sender is asked to wait where nobody can say when there is room again.
_RETRY_AFTER: Final = 5.0


@dataclass(slots=True)
class _Allowance:
    """Spans that a tenant may still send, below zero what it owes; as of a moment (s)."""

    spans: float
    at: float


@dataclass(slots=True)
class Quotas:
    """The quotas of every tenant; `oldest` is when the journal's first entry was written (ns), None for none.

    Rows that the journal held before this start are not charged.
    """

    settings: Settings
    oldest: Callable[[], int | None] = lambda: None
    now: Callable[[], float] = time.monotonic
    wall: Callable[[], int] = time.time_ns
    _unsettled: Mapping[str, int] = field(default_factory=dict)
    _allowances: dict[str, _Allowance] = field(default_factory=dict)
    # By tenant: when something was stored (ns) and its bytes, and the sum of these, which is asked for at every request.
    _stored: defaultdict[str, deque[tuple[int, int]]] = field(default_factory=lambda: defaultdict(deque))
    _bytes: Counter[str] = field(default_factory=Counter)
    _refused: Counter[tuple[str, str]] = field(default_factory=Counter)

    def check(self, tenant: str) -> None:
        """Raise `Throttled` where a tenant has used up one of its quotas."""
        rate, journal_mib, runs = (
            self.settings.spans_per_second,
            self.settings.journal_mib,
            self.settings.unsettled_runs,
        )
        if rate and (owed := -self._allowance(tenant, rate).spans) >= 0:
            raise self._refusal(tenant, "spans_per_second", min(_LONGEST_SECONDS, (owed + 1) / rate))
        if journal_mib and self._waiting(tenant) >= journal_mib * _MIB:
            raise self._refusal(tenant, "journal_mib", _RETRY_AFTER)
        if runs and self._unsettled.get(tenant, 0) >= runs:
            raise self._refusal(tenant, "unsettled_runs", _RETRY_AFTER)

    def charge(self, tenant: str, spans: int, size: int) -> None:
        """Charges a stored request: its records, and its bytes in the journal."""
        if rate := self.settings.spans_per_second:
            self._allowance(tenant, rate).spans -= spans
        if self.settings.journal_mib and size:
            self._stored[tenant].append((self.wall(), size))
            self._bytes[tenant] += size

    def take_unsettled(self, runs: Mapping[str, int]) -> None:
        """Sets the number of unsettled runs by tenant."""
        self._unsettled = runs

    def readings(self) -> Iterator[Sample]:
        """Requests that were refused, by tenant and quota."""
        for (tenant, quota), count in self._refused.items():
            yield Sample("agenttrace_quota_refused_requests", count, {"tenant": tenant, "quota": quota})

    def _allowance(self, tenant: str, rate: float) -> _Allowance:
        most, now = rate * _BURST_SECONDS, self.now()
        found = self._allowances.setdefault(tenant, _Allowance(most, now))
        found.spans, found.at = min(most, found.spans + (now - found.at) * rate), now
        return found

    def _waiting(self, tenant: str) -> int:
        oldest, stored = self.oldest(), self._stored[tenant]
        while stored and (oldest is None or stored[0][0] < oldest):
            self._bytes[tenant] -= stored.popleft()[1]
        return self._bytes[tenant]

    def _refusal(self, tenant: str, quota: str, seconds: float) -> Throttled:
        self._refused[tenant, quota] += 1
        return Throttled(f"this tenant has used up its quota processors.quotas.{quota}", seconds)
