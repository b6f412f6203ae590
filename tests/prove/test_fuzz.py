"""Hostile requests by the thousand: no crash, no INTERNAL, flat memory, and good ones are still taken."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from tests.support.canary import log_requests, trace_requests
from tests.support.collector import Collector, running_collector
from tests.support.json_mutations import mutated_json
from tests.support.receivers import EXPORT_LOGS, EXPORT_TRACES
from tests.support.reference import reference_request

FULL = os.environ.get("PROVE") == "full"
REQUESTS = 1_000_000 if FULL else 4_000
SENDERS = 4
# What the process may grow by once it has seen a fifth of all requests.
GROWTH_MIB = 48
LONGEST = 64 * 1024
CORPUS = Path(__file__).parents[1] / "corpus"
ALLOWED: Final = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNIMPLEMENTED,
}
ALLOWED_HTTP: Final = {200, 400, 404, 405, 413, 415, 429, 503}


def seeds() -> list[bytes]:
    """Real requests, and ones that fill every field of the protocol."""
    now = time.time_ns()
    bodies = [reference_request(seed, now, spans=4) for seed in range(4)]
    bodies += [request.SerializeToString() for request in (*trace_requests(now), *log_requests(now))]
    bodies += [file.read_bytes() for file in sorted(CORPUS.rglob("*.binpb"))]
    return [body for body in bodies if len(body) <= LONGEST]


def flipped(rng: random.Random, body: bytearray) -> bytes:
    """Some bits the other way."""
    for _ in range(rng.randrange(1, 9)):
        if body:
            body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    return bytes(body)


def cut(rng: random.Random, body: bytearray) -> bytes:
    """A part of it."""
    first = rng.randrange(len(body) + 1)
    return bytes(body[: first if rng.random() < 0.5 else None][-rng.randrange(1, len(body) + 2) :])


def doubled(rng: random.Random, body: bytearray) -> bytes:
    """A part of it twice."""
    first, last = sorted((rng.randrange(len(body) + 1), rng.randrange(len(body) + 1)))
    return bytes(body[:last] + body[first:])


def strewn(rng: random.Random, body: bytearray) -> bytes:
    """Random bytes, or bytes that mean something, in the middle of it."""
    place = rng.randrange(len(body) + 1)
    piece = rng.choice(
        (rng.randbytes(rng.randrange(1, 64)), b"\xff" * 10, b"\x00" * 64, b"\x0a\xff\xff\xff\x7f")
    )
    return bytes(body[:place] + piece + body[place:])


def as_it_is(_: random.Random, body: bytearray) -> bytes:
    """Nothing done."""
    return bytes(body)


def reshaped(rng: random.Random, body: bytearray) -> bytes:
    """Still a request of traces, with ids, times, names and values that nobody expects."""
    request = ExportTraceServiceRequest()
    with suppress(DecodeError):
        request.ParseFromString(bytes(body))
    for span in (span for rs in request.resource_spans for ss in rs.scope_spans for span in ss.spans):
        for name, values in _ODD.items():
            if rng.random() < 0.1:
                setattr(span, name, rng.choice(values))
        for attributes in (span.attributes, *(event.attributes for event in span.events)):
            for attribute in attributes:
                if rng.random() < 0.1:
                    attribute.value.CopyFrom(rng.choice(_VALUES))
                if rng.random() < 0.05:
                    attribute.key = rng.choice([other.key for other in span.attributes] + ["", "x" * 5000])
    return request.SerializeToString()


_ODD: Final[dict[str, list[Any]]] = {
    "trace_id": [b"", bytes(16), b"\xff" * 16, b"x" * 17],
    "span_id": [b"", bytes(8), b"\xff" * 8, b"x" * 9],
    "parent_span_id": [b"", bytes(8), b"x" * 100],
    "start_time_unix_nano": [0, 1, 2**63, 2**64 - 1],
    "end_time_unix_nano": [0, 1, 2**63, 2**64 - 1],
    "name": ["", "\x00", "x" * 10_000, "agenttrace.events", "\U0010ffff"],
    "kind": [-1, 0, 77, 2**31 - 1],
}
_VALUES: Final = [
    AnyValue(),
    AnyValue(bool_value=True),
    AnyValue(int_value=-(2**63)),
    AnyValue(double_value=float("nan")),
    AnyValue(double_value=float("-inf")),
    AnyValue(bytes_value=b"\xff\x00"),
    AnyValue(string_value="\x00" * 10),
    AnyValue(string_value="x" * 20_000),
    AnyValue(array_value=ArrayValue(values=[AnyValue(), AnyValue(array_value=ArrayValue())] * 40)),
    AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=AnyValue(int_value=1))] * 2)),
]
CHANGES: Final = (flipped, flipped, cut, doubled, strewn, as_it_is)


@dataclass
class Attacker:
    """Makes requests from a seed, so that what was found can be made again."""

    rng: random.Random
    bodies: list[bytes]
    documents: list[bytes]

    def body(self, bodies: list[bytes]) -> bytes:
        """A request with one to three changes."""
        body = self.rng.choice(bodies)
        if self.rng.random() < 0.5:
            is_json = bodies is self.documents
            return mutated_json(self.rng, body) if is_json else reshaped(self.rng, bytearray(body))
        for _ in range(self.rng.randrange(1, 4)):
            body = self.rng.choice(CHANGES)(self.rng, bytearray(body))
        return body

    def http(self) -> tuple[str, str, dict[str, str], bytes]:
        """Method, path, headers and body, not all of them such as go together."""
        kind = self.rng.choice(("x-protobuf", "json"))
        body = self.body(self.documents if kind == "json" else self.bodies)
        headers = {"content-type": f"application/{kind}"}
        if self.rng.random() < 0.2:
            body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
            if self.rng.random() < 0.5:
                body = flipped(self.rng, bytearray(body))
        if self.rng.random() < 0.02:
            headers[self.rng.choice(tuple(headers))] = self.rng.choice(("", "text/html", "gzip, gzip", "br"))
        method = "PUT" if self.rng.random() < 0.01 else "POST"
        return method, self.rng.choice(("/v1/traces", "/v1/logs", "/v1/metrics")), headers, body


def json_seeds(bodies: list[bytes]) -> Iterator[bytes]:
    """Those of the requests that are traces, as OTLP/JSON."""
    for body in bodies:
        with suppress(DecodeError):
            document = json_format.MessageToDict(
                ExportTraceServiceRequest.FromString(body), use_integers_for_enums=True
            )
            _with_hex(document)
            yield json.dumps(document).encode()


def _with_hex(value: Any) -> None:
    """Ids as OTLP writes them, where they stand."""
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _with_hex(child)
    if isinstance(value, dict):
        for key in {"traceId", "spanId", "parentSpanId"} & set(value):
            value[key] = base64.b64decode(value[key]).hex()


def over_grpc(collector: Collector, attacker: Attacker, count: int) -> Counter[object]:
    """Send over gRPC; the outcomes."""
    outcomes: Counter[object] = Counter()
    with grpc.insecure_channel(collector.grpc) as channel:
        calls = [channel.unary_unary(path, None, None) for path in (EXPORT_TRACES, EXPORT_LOGS)]
        for _ in range(count):
            try:
                attacker.rng.choice(calls)(attacker.body(attacker.bodies), timeout=60)
            except grpc.RpcError as error:
                outcomes[error.code()] += 1
            else:
                outcomes[grpc.StatusCode.OK] += 1
    return outcomes


def over_http(collector: Collector, attacker: Attacker, count: int) -> Counter[object]:
    """Send over HTTP; the outcomes."""
    outcomes: Counter[object] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", collector.ports["http"], timeout=60)
    for _ in range(count):
        method, path, headers, body = attacker.http()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        outcomes[answer.status] += 1
    connection.close()
    return outcomes


Protocol = Callable[[Collector, Attacker, int], Counter[object]]


def attack(collector: Collector, requests: int, seed: int) -> Counter[object]:
    """Send so many requests, half of them over each protocol, from several senders."""
    bodies = seeds()
    documents = list(json_seeds(bodies))
    protocols: list[Protocol] = [over_grpc, over_http] * (SENDERS // 2)
    with ThreadPoolExecutor(SENDERS) as pool:
        running = [
            pool.submit(
                send,
                collector,
                Attacker(random.Random(seed + number), bodies, documents),
                requests // SENDERS,
            )
            for number, send in enumerate(protocols)
        ]
        return sum((each.result() for each in running), Counter())


def memory_mib(collector: Collector) -> float:
    """What the process holds now."""
    pages = Path(f"/proc/{collector.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """One whose rows go nowhere, so that its own memory is seen."""
    with running_collector(tmp_path, exporters__clickhouse__endpoint="null://") as running:
        yield running


def test_nothing_that_is_sent_does_harm(collector: Collector) -> None:
    """Every request is answered with a code of the protocol."""
    seed = random.SystemRandom().randrange(2**32)
    outcomes = attack(collector, REQUESTS // 5, seed)
    before = memory_mib(collector)
    outcomes += attack(collector, REQUESTS - REQUESTS // 5, seed + SENDERS)
    after = memory_mib(collector)
    counted = ", ".join(f"{getattr(code, 'name', code)} {count}" for code, count in outcomes.most_common())
    print(f"\nseed {seed}: {outcomes.total()} requests: {counted}; memory {before:.0f} then {after:.0f} MiB")
    assert set(outcomes) <= ALLOWED | ALLOWED_HTTP, collector.log()[-2000:]
    assert after - before < GROWTH_MIB
    assert collector.ready()
    assert "a request failed" not in collector.log()
