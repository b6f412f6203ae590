"""Who sent how much of late."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from agenttrace_collector.errors import Throttled
from agenttrace_collector.receivers.admission import AdmissionController, Limits
from agenttrace_collector.receivers.recent import RecentBytes


def test_over_the_soft_limit_who_sent_less_than_others_is_admitted() -> None:
    """What another sent fills the memory after its requests have ended; up to the hard limit."""
    used = 100
    limited = AdmissionController(Limits(2, 800, 1000), resident=lambda: used, patience=0.05)

    async def send(tenant: str, size: int = 1) -> None:
        async with limited.receiving(tenant), limited.reserve(size, tenant):
            pass

    async def refused(attempt: Coroutine[Any, Any, None]) -> None:
        with pytest.raises(Throttled):
            await attempt

    async def scenario() -> None:
        nonlocal used
        await send("initech", 50)
        used = 900
        await refused(send("initech"))
        await send("acme", 2)
        await refused(send("initech"))
        used = 1_000
        await refused(send("acme"))

    asyncio.run(scenario())


def test_over_the_soft_limit_one_that_is_alone_is_refused() -> None:
    """However little it sent."""
    limited = AdmissionController(Limits(2, 800, 1000), resident=lambda: 800, patience=0.05)

    async def scenario() -> None:
        async with limited.reserve(1, "acme"):
            pass
        with pytest.raises(Throttled):
            async with limited.receiving("acme"):
                pass

    asyncio.run(scenario())


def test_what_was_sent_long_ago_counts_less() -> None:
    """Half after 30 seconds; who sent as much as all others together is no exception."""
    now = [0.0]
    recent = RecentBytes(lambda: now[0])
    assert not recent.is_less_than_others("acme")
    recent.add("initech", 1_000)
    recent.add("acme", 500)
    assert recent.is_less_than_others("acme")
    assert not recent.is_less_than_others("initech")
    now[0] = 30.0
    recent.add("acme", 250)
    assert not recent.is_less_than_others("acme")
    assert not recent.is_less_than_others("initech")
    now[0] = 3_000.0
    recent.add("initech", 10)
    assert recent.is_less_than_others("acme")
