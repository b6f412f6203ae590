"""An OTLP/HTTP endpoint that keeps the bytes that arrive, and takes everything unless it is told otherwise."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Recorder:
    """Where it listens, what it answers, and what came: path and inflated body, in order."""

    port: int = 0
    answer: bytes = b""
    status: int = 200
    received: list[tuple[str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is to say."""
        return f"http://127.0.0.1:{self.port}"

    def bodies(self, path: str = "/v1/traces") -> list[bytes]:
        """The bodies of one signal."""
        return [body for at, body in self.received if at == path]


class _Handler(BaseHTTPRequestHandler):
    recorder: Recorder

    def do_POST(self) -> None:
        """Keep and acknowledge."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.recorder.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.recorder.received.append((self.path, gzip.decompress(body) if packed else body))
        self.send_response(self.recorder.status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(self.recorder.answer)))
        self.end_headers()
        self.wfile.write(self.recorder.answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def recording(port: int = 0) -> Iterator[Recorder]:
    """A recorder on this port, else a free one, until the block ends."""
    recorder = Recorder()
    listener = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"recorder": recorder}))
    recorder.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        yield recorder
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
