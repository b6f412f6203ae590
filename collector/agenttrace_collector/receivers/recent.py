"""Who sent how much of late: over the soft limit of memory those that sent most are refused first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

# Seconds after which a byte counts half.
_HALF_LIFE: Final = 30.0
_FORGETTING_SECONDS: Final = 1.0
# What is left of a tenant's bytes when it is forgotten.
_FORGOTTEN: Final = 1.0


class RecentBytes:
    """The bytes that each tenant sent, where older ones count less: half of them after 30 seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bytes: dict[str, float] = {}
        self._at = clock()

    def add(self, tenant: str, size: int) -> None:
        """Counts so many more bytes of a tenant."""
        self._forget()
        self._bytes[tenant] = self._bytes.get(tenant, 0.0) + size

    def is_less_than_others(self, tenant: str) -> bool:
        """Whether a tenant sent less than its equal part of what all tenants sent; False for one that is alone."""
        self._forget()
        total, tenants = sum(self._bytes.values()), len(self._bytes.keys() | {tenant})
        return self._bytes.get(tenant, 0.0) * tenants < total

    def _forget(self) -> None:
        passed = self._clock() - self._at
        # Each request comes here, and there may be many tenants.
        if passed < _FORGETTING_SECONDS:
            return
        self._at += passed
        left = 0.5 ** (passed / _HALF_LIFE)
        self._bytes = {
            tenant: size * left for tenant, size in self._bytes.items() if size * left >= _FORGOTTEN
        }
