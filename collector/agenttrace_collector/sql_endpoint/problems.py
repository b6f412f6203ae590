"""Errors in ClickHouse's form: a code and a name that clients know, and a text that repeats nothing received."""

from __future__ import annotations

from typing import Final

from agenttrace_collector.clickhouse.client import QueryRejected, ServerUnavailable
from agenttrace_collector.errors import (
    FAULT,
    OVER_LIMIT_CODES,
    STATUS,
    Forbidden,
    OverLimit,
    Rejected,
    Unavailable,
    wire_status,
)
from agenttrace_collector.receivers.answers import INTERNAL

_SERVER: Final = "agenttrace"


class SqlRefused(Rejected):
    """A request that this endpoint or the engine refuses: ClickHouse's code and name, and the HTTP status."""

    def __init__(self, message: str, code: int, name: str, status: int = STATUS[Rejected].http) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.status = status

    def text(self) -> str:
        """The error as ClickHouse clients parse it."""
        return f"Code: {self.code}. DB::Exception: {self}. ({self.name}) ({_SERVER})\n"


def denied(message: str) -> SqlRefused:
    """Returns the error for a statement that this endpoint does not allow."""
    return SqlRefused(message, 497, "ACCESS_DENIED", STATUS[Forbidden].http)


def no_function() -> SqlRefused:
    """Returns the error for a function that the engine does not have."""
    return SqlRefused(_TOLD[_NO_FUNCTION], _NO_FUNCTION, "UNKNOWN_FUNCTION")


def bad_argument(message: str) -> SqlRefused:
    """Returns the error for a parameter or header that is not supported."""
    return SqlRefused(message, 36, "BAD_ARGUMENTS")


# By ClickHouse's code: what the engine found is told in our words, never in its own, which may hold values.
_TOLD: Final = {
    46: "a function of the statement does not exist",
    47: "a name of the statement does not exist in its tables",
    60: "a table of the statement does not exist",
    62: "the statement cannot be parsed",
    73: "the format is not known",
    81: "the database does not exist",
    158: "the statement reads more rows than one may",
    159: "the statement takes more time than one may",
    241: "the statement takes more memory than one may: narrow it, or raise processors.memory_limiter.limit_mib",
    396: "the answer is larger than one may be: narrow it, or raise processors.memory_limiter.limit_mib",
    456: "a parameter of the statement is not set",
}
_PARSING: Final = 62
_NO_FUNCTION: Final = 46


def to_sql_error(error: Exception) -> SqlRefused:
    """Converts a failure to ClickHouse's form, with the HTTP status of the table of `errors`."""
    if isinstance(error, SqlRefused):
        return error
    if isinstance(error, QueryRejected | ServerUnavailable):
        return _engine(error)
    status = wire_status(error)
    text = INTERNAL if status is FAULT else str(error)
    return SqlRefused(text, *status.sql, status.http)


def _engine(error: QueryRejected | ServerUnavailable) -> SqlRefused:
    """The engine's error, with its code and name."""
    away = isinstance(error, ServerUnavailable)
    message = _TOLD.get(
        error.code, "the database is not available" if away else "the engine refuses the statement"
    )
    if isinstance(error, QueryRejected) and error.code == _PARSING and error.position:
        message += f" at position {error.position}"
    kind = OverLimit if error.code in OVER_LIMIT_CODES else Unavailable if away else Rejected
    return SqlRefused(message, error.code or 999, error.name or "UNKNOWN_EXCEPTION", STATUS[kind].http)
