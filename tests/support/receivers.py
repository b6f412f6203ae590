"""The OTLP receivers in this process, listening on free ports, before a sink of the test's choice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from grpc import RpcError

from agenttrace_collector.config.sections import Cors, Grpc, Http, Tls
from agenttrace_collector.decode.metrics import ignored_metrics, refused_metrics
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.decode.otlp_json import logs_from_json, metrics_from_json, traces_from_json
from agenttrace_collector.receivers.admission import AdmissionController, Limits
from agenttrace_collector.receivers.decoder import Decoder
from agenttrace_collector.receivers.ingest import Ingest
from agenttrace_collector.receivers.otlp_grpc import GrpcLimits, GrpcReceiver
from agenttrace_collector.receivers.otlp_http import HttpReceiver
from agenttrace_collector.receivers.request_metrics import RequestMetrics
from agenttrace_collector.receivers.signals import (
    LOGS_SERVICE,
    METRICS_SERVICE,
    TRACE_SERVICE,
    logs,
    metrics,
    traces,
)
from agenttrace_collector.receivers.sink import Sink
from agenttrace_collector.server.auth import Authenticator
from agenttrace_collector.server.http import serve_http
from agenttrace_collector.telemetry.metrics import Telemetry
from agenttrace_schemas.rules import Policy
from tests.fakes import MemorySink
from tests.support.otlp import NOW

EXPORT_TRACES = f"/{TRACE_SERVICE}/Export"
EXPORT_LOGS = f"/{LOGS_SERVICE}/Export"
EXPORT_METRICS = f"/{METRICS_SERVICE}/Export"
MIB = 1024 * 1024
GENEROUS = Limits(requests=64, soft_bytes=2**60, hard_bytes=2**60)

T = TypeVar("T")


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Return when a condition outside of this thread holds; fail after these seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.01)


@dataclass(slots=True)
class Settings:
    """What a test may choose."""

    sink: Sink = field(default_factory=MemorySink)
    limits: Limits = GENEROUS
    resident: Callable[[], int] = lambda: 0
    patience: float = 0.2
    authenticator: Authenticator = field(default_factory=Authenticator)
    tls: Tls | None = None
    read_timeout: float = 30.0
    max_mib: int = 64
    origins: Sequence[str] = ()
    headers: Sequence[str] = ()
    refuse_metrics: bool = False
    grpc: GrpcLimits = field(default_factory=GrpcLimits)


@dataclass(slots=True)
class Receivers:
    """Where the receivers listen, and what they counted."""

    loop: asyncio.AbstractEventLoop
    flow: AdmissionController
    telemetry: Telemetry
    grpc: str
    http: str

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something on the receivers' event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def export(self, body: bytes, *, path: str = EXPORT_TRACES, **call: Any) -> bytes:
        """Send bytes over gRPC, return the answer's bytes."""
        with grpc.insecure_channel(self.grpc) as channel:
            answer: bytes = channel.unary_unary(path, None, None)(body, timeout=30, **call)
            return answer

    def refused(self, body: bytes, *, path: str = EXPORT_TRACES, **call: Any) -> RpcError:
        """Send bytes over gRPC that are refused, return how."""
        try:
            self.export(body, path=path, **call)
        except RpcError as error:
            return error
        raise AssertionError

    def counted(self, name: str, **labels: str) -> float:
        """The sum of a metric over the labels that are not given."""
        return sum(
            reading.value
            for reading in self.telemetry.readings()
            if reading.name == name and labels.items() <= reading.labels.items()
        )


@contextmanager
def receivers(settings: Settings | None = None) -> Iterator[Receivers]:
    """Both receivers on an event loop in a thread of its own, until the test is done."""
    chosen = settings or Settings()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="receivers")
    thread.start()
    stack = AsyncExitStack()
    try:
        yield asyncio.run_coroutine_threadsafe(_start(chosen, stack), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(settings: Settings, stack: AsyncExitStack) -> Receivers:
    flow = AdmissionController(settings.limits, resident=settings.resident, patience=settings.patience)
    decoder = stack.enter_context(Decoder())
    telemetry = Telemetry()
    ingest = Ingest(Policy(), settings.sink, flow, RequestMetrics(telemetry), decoder, now=lambda: NOW)
    read_metrics = refused_metrics if settings.refuse_metrics else ignored_metrics
    signals = (
        traces(decode_traces, traces_from_json),
        logs(decode_logs, logs_from_json),
        metrics(read_metrics, metrics_from_json),
    )
    shared: dict[str, Any] = {
        "tls": settings.tls,
        "read_timeout": f"{settings.read_timeout}s",
        "max_recv_msg_size_mib": settings.max_mib,
    }
    cors = Cors(allowed_origins=tuple(settings.origins), allowed_headers=tuple(settings.headers))
    authenticator = settings.authenticator
    receiver = GrpcReceiver(Grpc(**shared), ingest, authenticator, signals, settings.grpc)
    grpc_listener = await receiver.start("127.0.0.1:0")
    stack.push_async_callback(grpc_listener.stop, 1.0)
    app = HttpReceiver(Http(**shared, cors=cors), ingest, authenticator, signals).app()
    http_listener = serve_http(app, "127.0.0.1:0", settings.tls)
    stack.push_async_callback(http_listener.stop, 1.0)
    scheme = "https" if settings.tls else "http"
    return Receivers(
        asyncio.get_running_loop(),
        flow,
        telemetry,
        str(grpc_listener.address),
        f"{scheme}://{http_listener.address}",
    )
