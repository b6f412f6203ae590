"""Spans or log records of one request in their scopes and resources, as OTLP nests them."""

from __future__ import annotations

from typing import Final

from agenttrace_collector.decode.batch import EncodedRequest
from agenttrace_collector.forward.encoding import field

# In all of OTLP's requests: what they are of is field 1, what they hold field 2.
_OF: Final = b"\x0a"
_HELD: Final = b"\x12"


class Records:
    """Collects encoded records; scopes and resources without any are left out."""

    def __init__(self) -> None:
        self._records: list[bytes] = []
        self._scopes: list[bytes] = []
        self._resources: list[bytes] = []
        self._count = 0
        self._held = 0

    def add(self, record: bytes) -> None:
        """A record of the next scope."""
        self.add_encoded(field(_HELD, record), 1)

    def add_encoded(self, fields: bytes, count: int) -> None:
        """Records of the next scope that are fields of its message already."""
        self._records.append(fields)
        self._held += count

    def end_scope(self, scope: bytes) -> None:
        """The records since the last call are of this scope."""
        if self._records:
            self._count += self._held
            self._scopes.append(field(_HELD, field(_OF, scope) + b"".join(self._records)))
            self._records.clear()
            self._held = 0

    def end_resource(self, resource: bytes) -> None:
        """The scopes since the last call are of this resource."""
        if self._scopes:
            self._resources.append(field(_OF, field(_OF, resource) + b"".join(self._scopes)))
            self._scopes.clear()

    def encoded(self) -> EncodedRequest:
        """The request and how many records are in it."""
        return EncodedRequest(self._count, b"".join(self._resources))
