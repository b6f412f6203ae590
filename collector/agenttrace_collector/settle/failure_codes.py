"""Which failure code an error type stands for: one table, the first row whose word occurs in it counts."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

TIMEOUT: Final = "timeout"
RATE_LIMITED: Final = "rate_limited"
AUTHENTICATION_FAILED: Final = "authentication_failed"
UNAVAILABLE: Final = "unavailable"
INVALID_INPUT: Final = "invalid_input"
UNCAUGHT: Final = "uncaught_exception"

WORDS: Final = (
    ("timeout", TIMEOUT),
    ("timedout", TIMEOUT),
    ("deadline", TIMEOUT),
    ("408", TIMEOUT),
    ("ratelimit", RATE_LIMITED),
    ("toomanyrequests", RATE_LIMITED),
    ("throttl", RATE_LIMITED),
    ("resourceexhausted", RATE_LIMITED),
    ("quota", RATE_LIMITED),
    ("429", RATE_LIMITED),
    ("authentication", AUTHENTICATION_FAILED),
    ("unauthorized", AUTHENTICATION_FAILED),
    ("unauthenticated", AUTHENTICATION_FAILED),
    ("permission", AUTHENTICATION_FAILED),
    ("forbidden", AUTHENTICATION_FAILED),
    ("accessdenied", AUTHENTICATION_FAILED),
    ("401", AUTHENTICATION_FAILED),
    ("403", AUTHENTICATION_FAILED),
    ("connect", UNAVAILABLE),
    ("unavailable", UNAVAILABLE),
    ("overloaded", UNAVAILABLE),
    ("servererror", UNAVAILABLE),
    ("brokenpipe", UNAVAILABLE),
    ("500", UNAVAILABLE),
    ("502", UNAVAILABLE),
    ("503", UNAVAILABLE),
    ("504", UNAVAILABLE),
    ("529", UNAVAILABLE),
    ("validation", INVALID_INPUT),
    ("invalid", INVALID_INPUT),
    ("badrequest", INVALID_INPUT),
    ("valueerror", INVALID_INPUT),
    ("typeerror", INVALID_INPUT),
    ("schema", INVALID_INPUT),
    ("decodeerror", INVALID_INPUT),
    ("400", INVALID_INPUT),
    ("422", INVALID_INPUT),
)
# Left out where words are searched for.
BETWEEN_WORDS: Final = frozenset("_- ")
TRANSIENT: Final = frozenset({TIMEOUT, UNAVAILABLE})


@lru_cache(maxsize=4096)
def failure_code(error_type: str) -> str:
    """The failure code of an error type; what no row names is an uncaught exception."""
    word = "".join(letter for letter in error_type.lower() if letter not in BETWEEN_WORDS)
    return next((code for part, code in WORDS if part in word), UNCAUGHT)


def tool_failure_rule(error_type: str) -> str:
    """The rule of the `tool_failure` signal; a tool whose error no row names gave nothing: unavailable."""
    code = failure_code(error_type)
    return f"tool.{UNAVAILABLE if code == UNCAUGHT else code}"
