"""Names of spans that are no steps: from closed lists, never from the span's own name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_STATEMENTS: Final = frozenset(
    {
        "ALTER", "BEGIN", "CALL", "COMMIT", "COPY", "CREATE", "DELETE", "DROP", "EXEC", "EXECUTE", "INSERT",
        "MERGE", "REPLACE", "ROLLBACK", "SELECT", "SET", "TRUNCATE", "UPDATE", "UPSERT",
        "DEL", "EXPIRE", "FIND", "GET", "HGET", "HSET", "INCR", "LPUSH", "MGET", "MSET", "PING", "PUBLISH",
        "AGGREGATE", "COUNT", "SEARCH",
    }
)  # fmt: skip
_METHOD_KEYS: Final = ("http.request.method", "http.method")
_STATEMENT_KEYS: Final = ("db.operation.name", "db.operation")
_KINDS: Final = {
    Span.SPAN_KIND_SERVER: "server",
    Span.SPAN_KIND_CLIENT: "client",
    Span.SPAN_KIND_PRODUCER: "producer",
    Span.SPAN_KIND_CONSUMER: "consumer",
}


def structure_name(span: Span) -> str:
    """`HTTP GET`, `SELECT`, else the span's kind."""
    texts = {each.key: each.value.string_value.strip().upper() for each in span.attributes}
    method = _listed(texts, _METHOD_KEYS, _METHODS)
    if method:
        return f"HTTP {method}"
    return _listed(texts, _STATEMENT_KEYS, _STATEMENTS) or _KINDS.get(span.kind, "internal")


def _listed(texts: Mapping[str, str], keys: tuple[str, ...], words: frozenset[str]) -> str:
    return next((texts[key] for key in keys if texts.get(key) in words), "")
