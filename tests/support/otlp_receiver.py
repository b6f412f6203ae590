"""An OTLP/gRPC receiver that keeps the requests that arrive and answers as it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from agenttrace_collector.receivers.signals import EXPORT, LOGS_SERVICE, TRACE_SERVICE


@dataclass
class GrpcRecorder:
    """Where it listens, and what came by signal; `answer` may end a call otherwise than with success."""

    endpoint: str = ""
    received: list[tuple[str, bytes]] = field(default_factory=list)
    answer: Callable[[grpc.ServicerContext], bytes] = lambda _: b""

    def bodies(self, signal: str = "traces") -> list[bytes]:
        """The requests of one signal that were answered with success."""
        return [body for name, body in self.received if name == signal]


@contextmanager
def grpc_recording(address: str = "127.0.0.1:0") -> Iterator[GrpcRecorder]:
    """A receiver until the block ends."""
    recorder = GrpcRecorder()
    server = grpc.server(ThreadPoolExecutor(2))
    for signal, service in (("traces", TRACE_SERVICE), ("logs", LOGS_SERVICE)):
        server.add_generic_rpc_handlers((_handler(recorder, signal, service),))
    port = server.add_insecure_port(address)
    recorder.endpoint = f"127.0.0.1:{port}"
    server.start()
    try:
        yield recorder
    finally:
        server.stop(None).wait()


def _handler(recorder: GrpcRecorder, signal: str, service: str) -> Any:
    def export(body: bytes, context: grpc.ServicerContext) -> bytes:
        answer = recorder.answer(context)
        recorder.received.append((signal, body))
        return answer

    method = grpc.unary_unary_rpc_method_handler(export, bytes, bytes)
    return grpc.method_handlers_generic_handler(service, {EXPORT: method})
