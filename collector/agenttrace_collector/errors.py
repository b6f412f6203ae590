"""The kinds of failure, and one table that maps each to gRPC, HTTP and exit codes.

`Rejected`: the same input would fail again, never retry. `Unavailable`: try later. Messages name
rule, key and what is allowed, never a value received.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Reason(StrEnum):
    """Why a request is refused, as metrics and the log name it."""

    UNAUTHORIZED = "unauthorized"
    TOO_LARGE = "too_large"
    MEMORY = "memory"
    JOURNAL_FULL = "journal_full"
    DISK_FULL = "disk_full"
    MALFORMED = "malformed"
    RATE = "rate"
    UNAVAILABLE = "unavailable"


class CollectorError(Exception):
    """A failure with a message that is safe to show to the sender."""

    reason: Reason = Reason.UNAVAILABLE
    # The enforced name of the service that sent the request, where it was read.
    service: str = ""


class Rejected(CollectorError):
    """The input is refused for good."""

    reason = Reason.MALFORMED


class Unlisted(Rejected):
    """A value that is not in its closed list."""


class Invalid(Rejected):
    """Invalid fields of a request or a document."""


class NotFound(Rejected):
    """This tenant has no such record, or no resource has this path."""


class SwitchedOff(Rejected):
    """Decisions and quality signals are switched off."""

    def __init__(self) -> None:
        super().__init__("decisions and quality signals are switched off here (processors.enforce.decisions)")


class OverLimit(Rejected):
    """A query exceeds its limit of time, memory or rows."""


class TooLarge(Rejected):
    """The request is over the size limit, before or after decompression."""

    reason = Reason.TOO_LARGE


class UnsupportedMedia(Rejected):
    """A content type or encoding that is not supported."""


class Unavailable(CollectorError):
    """The input may be sent again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0, reason: Reason | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason or self.reason


class Throttled(Unavailable):
    """A limit of this collector is reached: memory, requests at a time, size of the journal."""

    reason = Reason.RATE


class Unauthenticated(Rejected):
    """The request has no valid token."""

    reason = Reason.UNAUTHORIZED


class Forbidden(Rejected):
    """The token is known and its role does not allow this."""

    reason = Reason.UNAUTHORIZED


class WireStatus(NamedTuple):
    """The status of a kind of failure in each protocol."""

    # For programs, in the API's answers.
    name: str
    # A gRPC status code's name.
    grpc: str
    # OTLP over HTTP, the API, the pages and the SQL endpoint.
    http: int
    # ClickHouse's code and name, of the SQL endpoint; the engine's own where it refuses.
    sql: tuple[int, str]
    # Of a command; beyond 1 as sysexits.h has them.
    exit: int


_ARGUMENT: Final = (36, "BAD_ARGUMENTS")
_BUSY: Final = (202, "TOO_MANY_SIMULTANEOUS_QUERIES")
# Most specific first: the first class that matches decides.
STATUS: Final[dict[type[CollectorError], WireStatus]] = {
    TooLarge: WireStatus("too_large", "RESOURCE_EXHAUSTED", 413, (307, "TOO_MANY_BYTES"), 1),
    UnsupportedMedia: WireStatus("unsupported_media", "UNIMPLEMENTED", 415, _ARGUMENT, 1),
    Unauthenticated: WireStatus("unauthenticated", "UNAUTHENTICATED", 401, (516, "AUTHENTICATION_FAILED"), 1),
    Forbidden: WireStatus("forbidden", "PERMISSION_DENIED", 403, (497, "ACCESS_DENIED"), 1),
    Unlisted: WireStatus("unknown_value", "INVALID_ARGUMENT", 400, _ARGUMENT, 1),
    Invalid: WireStatus("invalid", "INVALID_ARGUMENT", 422, _ARGUMENT, 1),
    NotFound: WireStatus("not_found", "NOT_FOUND", 404, (60, "UNKNOWN_TABLE"), 1),
    SwitchedOff: WireStatus("switched_off", "FAILED_PRECONDITION", 503, (344, "SUPPORT_IS_DISABLED"), 1),
    OverLimit: WireStatus("over_limit", "RESOURCE_EXHAUSTED", 422, (396, "TOO_MANY_ROWS_OR_BYTES"), 1),
    Rejected: WireStatus("refused", "INVALID_ARGUMENT", 400, _ARGUMENT, 1),
    Throttled: WireStatus("come_later", "UNAVAILABLE", 429, _BUSY, 69),
    Unavailable: WireStatus("unavailable", "UNAVAILABLE", 503, (210, "NETWORK_ERROR"), 69),
}
# A fault of our own, whose text stays in here.
FAULT: Final = WireStatus("internal", "INTERNAL", 500, (1002, "UNKNOWN_EXCEPTION"), 70)
# ClickHouse's codes for a question that takes too much: rows, time, bytes, memory.
OVER_LIMIT_CODES: Final = frozenset({158, 159, 160, 241, 307, 396})


def without_frames(error: BaseException) -> None:
    """Drops the frames of an exception, which may hold a request body.

    Who keeps an exception keeps its frames, and gRPC keeps one in a circle until the garbage is collected.
    """
    chain: BaseException | None = error
    while chain is not None and chain.__traceback__ is not None:
        chain.__traceback__ = None
        chain = chain.__cause__ or chain.__context__


def wire_status(error: Exception) -> WireStatus:
    """Returns the status of a failure."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), FAULT)
