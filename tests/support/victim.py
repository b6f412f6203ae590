"""A tenant that sends 200 spans a second and asks once a second, and what it saw meanwhile."""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import randbytes
from typing import Final

import grpc

from agenttrace_schemas import wire
from tests.support.api import Api
from tests.support.collector import Collector
from tests.support.load import EXPORT
from tests.support.otlp import ASpan, traces
from tests.support.reference import reference_request

_METADATA: Final = (("authorization", "Bearer acme-ingest"),)
_SPANS: Final = 20
_SENT_EVERY: Final = 0.1
_ASKED_EVERY: Final = 1.0
_CALL_SECONDS: Final = 30.0


@dataclass(slots=True)
class Seen:
    """Seconds that acknowledgements and answers took, what was refused, and the seconds until a run was settled."""

    acknowledged: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    settled: float | None = None

    @property
    def p99(self) -> float:
        """The time that 99 of 100 acknowledgements stayed under, in seconds."""
        return statistics.quantiles(self.acknowledged, n=100, method="inclusive")[98]


def watch(collector: Collector, seconds: float, settle_seconds: float) -> Seen:
    """Send and ask for so long; a run of the middle of that time is followed until it is settled, or too late."""
    seen = Seen()
    until = time.monotonic() + seconds
    asking = Api(collector, "acme-read")
    with ThreadPoolExecutor(3) as pool:
        parts = (
            pool.submit(_send, collector, seen, until),
            pool.submit(_ask, asking, seen, until),
            pool.submit(_follow, collector, seen, (until - seconds / 2, settle_seconds)),
        )
        for part in parts:
            part.result()
    return seen


def _send(collector: Collector, seen: Seen, until: float) -> None:
    """Every request is sent at its time, so that a slow one does not hide those behind it."""
    with grpc.insecure_channel(collector.grpc) as channel, ThreadPoolExecutor(64) as pool:
        export = channel.unary_unary(EXPORT, None, None)

        def send() -> None:
            body = reference_request(uuid.uuid4().int, time.time_ns(), _SPANS)
            _timed(
                lambda: export(body, metadata=_METADATA, timeout=_CALL_SECONDS),
                seen.acknowledged,
                seen.refused,
            )

        _each(_SENT_EVERY, until, lambda: pool.submit(send))


def _ask(api: Api, seen: Seen, until: float) -> None:
    def ask() -> None:
        answer = api.get("/v1/runs", page_size=20)
        if answer.status_code != 200:
            seen.refused.append(f"answer {answer.status_code}")

    _each(_ASKED_EVERY, until, lambda: _timed(ask, seen.answered, seen.refused))


def _follow(collector: Collector, seen: Seen, period: tuple[float, float]) -> None:
    start, seconds = period
    threading.Event().wait(max(0.0, start - time.monotonic()))
    trace_id, now = randbytes(16), time.time_ns()
    call = ASpan(
        attributes={wire.GEN_AI_OPERATION_NAME: "chat", wire.GEN_AI_REQUEST_MODEL: "gpt-4o"},
        trace_id=trace_id,
        span_id=randbytes(8),
        start=now,
        end=now + 1_000,
    )
    sent = time.monotonic()
    with grpc.insecure_channel(collector.grpc) as channel:
        export = channel.unary_unary(EXPORT, None, None)
        export(traces(call), metadata=_METADATA, timeout=_CALL_SECONDS, wait_for_ready=True)
    asking = Api(collector, "acme-read")
    while time.monotonic() < sent + seconds:
        answer = asking.get(f"/v1/runs/{uuid.UUID(bytes=trace_id)}")
        if answer.status_code == 200 and answer.json()["settled"]:
            seen.settled = time.monotonic() - sent
            return
        threading.Event().wait(0.5)


def _timed(call: Callable[[], object], taken: list[float], refused: list[str]) -> None:
    started = time.monotonic()
    try:
        call()
    except grpc.RpcError as error:
        refused.append(f"acknowledgement {error.code().name}")
    except OSError as error:
        refused.append(f"answer {type(error).__name__}")
    taken.append(time.monotonic() - started)


def _each(pause: float, until: float, do: Callable[[], object]) -> None:
    due = time.monotonic()
    while due < until:
        threading.Event().wait(max(0.0, due - time.monotonic()))
        do()
        due = max(due + pause, time.monotonic() - pause)
