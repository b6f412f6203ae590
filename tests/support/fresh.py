"""Reference requests with ids of their own each time: what is sent again measures only that it is recognised."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.reference import SPANS, reference_request

# How a UUID stands in an attribute; its last twelve digits are replaced.
_UUID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_DIGITS: Final = 12
_TRACE_ID: Final = 16


class FreshRequests:
    """A request of so many spans that is made once; `next` gives it with other trace ids, decision ids and signal ids.

    Making a request anew costs the sender more than taking it costs the collector.
    """

    def __init__(self, seed: int, now: int, spans: int = SPANS) -> None:
        self._body = bytearray(reference_request(seed, now, spans))
        whole = bytes(self._body)
        self._traces = [list(_places(whole, trace)) for trace in _trace_ids(whole)]
        self._ends = [found.end() for found in _UUID.finditer(whole)]

    def next(self) -> bytes:
        """The request with ids that nothing had before."""
        for places in self._traces:
            trace = os.urandom(_TRACE_ID)
            for place in places:
                self._body[place : place + _TRACE_ID] = trace
        digits = os.urandom(len(self._ends) * _DIGITS // 2).hex().encode()
        for number, end in enumerate(self._ends):
            self._body[end - _DIGITS : end] = digits[number * _DIGITS : (number + 1) * _DIGITS]
        return bytes(self._body)


def _trace_ids(body: bytes) -> set[bytes]:
    request = ExportTraceServiceRequest.FromString(body)
    return {
        span.trace_id
        for resource_spans in request.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    }


def _places(body: bytes, part: bytes) -> Iterator[int]:
    place = body.find(part)
    while place >= 0:
        yield place
        place = body.find(part, place + len(part))
