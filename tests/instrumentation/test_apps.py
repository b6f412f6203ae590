"""Small applications as people write them: every event on its step, nothing lost, nothing in the host's log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

import agenttrace
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings
from agenttrace_schemas import wire
from tests.support.applications import AT, SYNC
from tests.support.async_applications import ASYNC


def every_event_is_where_it_belongs(captured: Capture, events: int) -> None:
    """On the span of its step, or on that of the agent's run; one of a step that has ended stands beside it."""
    found = captured.events()
    names = {
        (span.attributes or {})[wire.STEP_ID]: (span.attributes or {}).get(
            wire.STEP_NAME, (span.attributes or {})[wire.AGENT_ID]
        )
        for span in captured.spans
        if span.name != wire.EVENTS_SPAN
    }
    placed = [
        (event.attributes[AT] if event.attributes else None, names[(span.attributes or {})[wire.STEP_ID]])
        for span in captured.spans
        for event in span.events
    ]
    assert len(found) == len(placed) == events
    assert [pair for pair in placed if pair[0] != pair[1]] == []
    assert captured.counters().refused == {}
    assert sum(captured.counters().recorded.values()) == events


@pytest.mark.parametrize("app", SYNC, ids=lambda app: app.__name__)
def test_a_synchronous_application(app: Callable[[], int], caplog: pytest.LogCaptureFixture) -> None:
    """And what is current afterwards is what was before."""
    with capture(Settings()) as captured, caplog.at_level(logging.DEBUG):
        events = app()
        assert agenttrace.current_run() is None
        every_event_is_where_it_belongs(captured, events)
    assert caplog.records == []


@pytest.mark.parametrize("app", ASYNC)
def test_an_asynchronous_application(app: str, caplog: pytest.LogCaptureFixture) -> None:
    """The same; asyncio and httpx tell of themselves below warnings."""

    async def served() -> int:
        events = await ASYNC[app]()
        assert agenttrace.current_run() is None
        return events

    with capture(Settings()) as captured, caplog.at_level(logging.WARNING):
        every_event_is_where_it_belongs(captured, asyncio.run(served()))
    assert caplog.records == []
