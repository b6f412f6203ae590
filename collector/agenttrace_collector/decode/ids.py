"""Makes ids from the contents of a record, without state (specification section 3).

All ids are the 16 bytes of a UUID. The same record always gets the same id.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha1
from typing import Final

from agenttrace_schemas.names import is_redacted
from agenttrace_schemas.texts import accepted

# UUIDv5 of the DNS name "agenttrace.schemas"; fixed for ever, or stored ids would change.
NAMESPACE: Final = bytes.fromhex("7b553c7f16f75fd5a8705ff589e06405")
ZERO: Final = bytes(16)
# Bytes of the ids of OpenTelemetry.
TRACE_ID: Final = 16
SPAN_ID: Final = 8
_CANONICAL_LENGTH: Final = 36
_COMPACT_LENGTH: Final = 32


def valid(raw: bytes, length: int) -> bytes:
    """Returns the id of a span or trace; empty if it has another length (bytes) or is all zeros (OTLP)."""
    return raw if len(raw) == length and any(raw) else b""


def uuid5(name: bytes) -> bytes:
    """Returns the UUIDv5 of a name in the namespace of this project (RFC 9562, section 5.5)."""
    raw = bytearray(sha1(NAMESPACE + name, usedforsecurity=False).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x50
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)


@lru_cache(maxsize=4096)
def parse_or_hash_id(text: str) -> bytes:
    """Returns a sender's id: a UUID as it is, any other text as its UUIDv5."""
    if len(text) in (_CANONICAL_LENGTH, _COMPACT_LENGTH):
        try:
            raw = bytes.fromhex(text.replace("-", ""))
        except ValueError:
            raw = b""
        if len(raw) == len(ZERO):
            return raw
    return uuid5(text.encode("utf-8", "replace"))


def call(name: str) -> bytes | None:
    """Returns the id that all records of one call share, a hash of the name that they give it.

    None where the name is no identifier, as `<not specified>`, or stands for one: other calls may have it, too.
    """
    kept = accepted(name)
    return uuid5(kept.encode()) if kept and not is_redacted(kept) else None


def step(trace_id: bytes, span_id: bytes) -> bytes:
    """Returns the id of a step whose span carries no id of ours."""
    return uuid5(trace_id + span_id)


def event(span: bytes, name: str, time: int, fields: bytes, *, ordinal: int) -> bytes:
    """Returns the id of an event that states none.

    `span` is trace id and span id, `fields` the canonical enforced values, `ordinal` counts
    otherwise identical events of one span.
    """
    return uuid5(b"\x1f".join((span, name.encode(), b"%d" % time, fields, b"%d" % ordinal)))
