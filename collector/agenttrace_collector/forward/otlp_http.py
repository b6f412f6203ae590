"""OTLP over HTTP as a client: which answers mean success, never, and later."""

from __future__ import annotations

import http.client
import ssl
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time
from typing import Final
from urllib.parse import SplitResult, urlsplit

from google.protobuf.message import DecodeError
from isal import igzip
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agenttrace_collector.config.pipelines import OtlpClient
from agenttrace_collector.errors import Rejected, Unavailable

_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_LARGEST_ANSWER: Final = 64 * 1024
_LONGEST_DELAY: Final = 3_600.0
# Of gzip: a level that costs about 1 µs for a span of 1 KiB.
_LEVEL: Final = 1


class HttpClient:
    """One kept connection; `/v1/traces` and `/v1/logs` stand below the endpoint."""

    def __init__(self, settings: OtlpClient) -> None:
        self._settings = settings
        self._url = urlsplit(settings.endpoint)
        self._headers = {
            "Content-Type": "application/x-protobuf",
            **{key: value.get_secret_value() for key, value in settings.headers.items()},
        }
        if settings.compression == "gzip":
            self._headers["Content-Encoding"] = "gzip"
        self._tls = _context(settings) if self._url.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def send(self, signal: str, body: bytes) -> int:
        """Post a request; how many records the receiver refused."""
        data = igzip.compress(body, _LEVEL, mtime=0) if self._settings.compression == "gzip" else body
        try:
            status, delay, answer = self._post(f"{self._url.path.rstrip('/')}/v1/{signal}", data)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            message = f"cannot be reached ({type(error).__name__})"
            raise Unavailable(message, 0.0) from error
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return refused(signal, answer)
        message = f"answers {status}"
        if status in _RETRYABLE:
            raise Unavailable(message, delay)
        raise Rejected(message)

    def close(self) -> None:
        """Closes the connection."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _post(self, path: str, data: bytes) -> tuple[int, float, bytes]:
        connection = self._connection = self._connection or self._open(self._url)
        connection.request("POST", path, data, self._headers)
        response = connection.getresponse()
        answer = response.read(_LARGEST_ANSWER)
        if response.will_close or not response.isclosed():
            self.close()
        return response.status, retry_after(response.getheader("Retry-After", "")), answer

    def _open(self, url: SplitResult) -> http.client.HTTPConnection:
        host, timeout = str(url.hostname), self._settings.timeout
        if self._tls:
            return http.client.HTTPSConnection(host, url.port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(host, url.port, timeout=timeout)


def retry_after(stated: str) -> float:
    """Seconds of a Retry-After header, which may be a date; 0 where it says nothing."""
    if stated.strip().isdigit():
        return min(float(stated), _LONGEST_DELAY)
    try:
        delay = parsedate_to_datetime(stated).timestamp() - time()
    except ValueError:
        return 0.0
    return min(max(0.0, delay), _LONGEST_DELAY)


def refused(signal: str, answer: bytes) -> int:
    """The records that an answer's partial success says were refused; 0 for an answer of another form."""
    try:
        if signal == "traces":
            return int(ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans)
        return int(ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records)
    except DecodeError:
        return 0


def _context(settings: OtlpClient) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(settings.tls.ca_file) if settings.tls.ca_file else None)
    if settings.tls.cert_file:
        context.load_cert_chain(settings.tls.cert_file, settings.tls.key_file)
    return context
