"""The kinds of failure a request can meet, and what gRPC and HTTP say for each.

`Rejected`: the same input would fail again, never retry. `Unavailable`: try later. Messages name
rule, key and what is allowed, never a value received.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class CollectorError(Exception):
    """A failure with a message that is safe to show to the sender."""


class Rejected(CollectorError):
    """The input is refused for good."""


class TooLarge(Rejected):
    """The request is over the size limit, before or after decompression."""


class UnsupportedMedia(Rejected):
    """A content type or encoding that is not taken."""


class Unavailable(CollectorError):
    """The input may be sent again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(Unavailable):
    """A limit of this collector is reached: memory, requests at a time, size of the journal."""


class Unauthenticated(Rejected):
    """The request carries no token that is known here."""


class Forbidden(Rejected):
    """The token is known and its role does not allow this."""


class WireStatus(NamedTuple):
    """A gRPC status code's name and the HTTP status that goes with it."""

    grpc: str
    http: int


# Most specific first: the first class that matches decides.
STATUS: Final[dict[type[CollectorError], WireStatus]] = {
    TooLarge: WireStatus("RESOURCE_EXHAUSTED", 413),
    UnsupportedMedia: WireStatus("UNIMPLEMENTED", 415),
    Unauthenticated: WireStatus("UNAUTHENTICATED", 401),
    Forbidden: WireStatus("PERMISSION_DENIED", 403),
    Rejected: WireStatus("INVALID_ARGUMENT", 400),
    Throttled: WireStatus("UNAVAILABLE", 429),
    Unavailable: WireStatus("UNAVAILABLE", 503),
}


def wire_status(error: CollectorError) -> WireStatus:
    """What gRPC and HTTP answer for this failure."""
    return next(status for kind, status in STATUS.items() if isinstance(error, kind))
