"""What any span leaves with: kind and status, and of one that is no step a name of closed lists, never its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.forward import encoding

METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
STATEMENTS: Final = frozenset(
    {
        "ALTER", "BEGIN", "CALL", "COMMIT", "COPY", "CREATE", "DELETE", "DROP", "EXEC", "EXECUTE", "INSERT",
        "MERGE", "REPLACE", "ROLLBACK", "SELECT", "SET", "TRUNCATE", "UPDATE", "UPSERT",
        "DEL", "EXPIRE", "FIND", "GET", "HGET", "HSET", "INCR", "LPUSH", "MGET", "MSET", "PING", "PUBLISH",
        "AGGREGATE", "COUNT", "SEARCH",
    }
)  # fmt: skip
METHOD_KEYS: Final = ("http.request.method", "http.method")
STATEMENT_KEYS: Final = ("db.operation.name", "db.operation")
OTHER_KIND: Final = "internal"
KINDS: Final = {
    Span.SPAN_KIND_SERVER: "server",
    Span.SPAN_KIND_CLIENT: "client",
    Span.SPAN_KIND_PRODUCER: "producer",
    Span.SPAN_KIND_CONSUMER: "consumer",
}

# Kind and status by their numbers; of one that is not known nothing is kept.
ENDINGS: Final[Mapping[tuple[int, int], bytes]] = {
    (kind, code): (b"\x30" + encoding.varint(kind) if kind else b"")
    + encoding.field(b"\x7a", b"\x18" + encoding.varint(code) if code else b"")
    for kind in Span.SpanKind.values()
    for code in Status.StatusCode.values()
}


def ending(kind: int, code: int) -> bytes:
    """The fields of a kind and a status code, by their numbers."""
    known = ENDINGS.get((kind, code))
    return known or ENDINGS[kind if (kind, 0) in ENDINGS else 0, code if (0, code) in ENDINGS else 0]


def structure_name(span: Span) -> str:
    """`HTTP GET`, `SELECT`, else the span's kind."""
    texts = {each.key: each.value.string_value.strip().upper() for each in span.attributes}
    method = _listed(texts, METHOD_KEYS, METHODS)
    if method:
        return of_method(method)
    return _listed(texts, STATEMENT_KEYS, STATEMENTS) or KINDS.get(span.kind, OTHER_KIND)


def of_method(method: str) -> str:
    """The name of a request with this method."""
    return f"HTTP {method}"


def _listed(texts: Mapping[str, str], keys: tuple[str, ...], words: frozenset[str]) -> str:
    return next((texts[key] for key in keys if texts.get(key) in words), "")
