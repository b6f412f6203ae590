"""Run documents for tests: a small valid one, and changes to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.support.otlp import NOW

DECISION: Mapping[str, Any] = {
    "decision_type": "tool_selection",
    "selected": "search_flights",
    "reason_code": "fresh_data_required",
    "confidence": 0.9,
    "candidates": ["search_flights", "cache"],
    "step_id": "step-1",
}
SIGNAL: Mapping[str, Any] = {
    "signal_type": "tool_success",
    "signal_code": "first_attempt",
    "value": True,
    "weight": 0.5,
    "step_id": "step-1",
}
FAILURE: Mapping[str, Any] = {"failure_type": "tool", "failure_code": "timeout", "step_id": "step-1"}


def moment(seconds: float = 0.0, now: int = NOW) -> str:
    """A time as a document states it."""
    return (datetime.fromtimestamp(now / 1e9, UTC) + timedelta(seconds=seconds)).isoformat()


def run_document(now: int = NOW, **changes: Any) -> dict[str, Any]:
    """A run of two steps; a change to `...` leaves the field out."""
    document = {
        "run_id": str(uuid4()),
        "agent_id": "travel-agent",
        "agent_version": "1.4.0",
        "environment": "production",
        "status": "success",
        "started_at": moment(-10, now),
        "ended_at": moment(-5, now),
        "steps": [
            {
                "step_id": "step-1",
                "seq": 1,
                "step_type": "tool",
                "name": "search_flights",
                "latency_ms": 120.5,
                "started_at": moment(-9, now),
                "metadata": {"region": "eu", "tries": 2},
            },
            {"step_type": "respond", "started_at": moment(-8, now), "ended_at": moment(-6, now)},
        ],
        "failure": None,
    }
    return {name: value for name, value in {**document, **changes}.items() if value is not ...}


def body(now: int = NOW, **changes: Any) -> bytes:
    """The same as a request body."""
    return json.dumps(run_document(now, **changes)).encode()
