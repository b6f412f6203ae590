"""The one border to the host: what goes wrong in here is logged once, counted, and stays in here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from agenttrace.counts import INTERNAL, MISUSE
from agenttrace.runtime import LOGGER, active
from agenttrace_schemas.rules import Violation

P = ParamSpec("P")
T = TypeVar("T")


class Misuse(Exception):
    """A call that cannot be followed; the message says what is allowed and holds no value."""


def guarded(function: Callable[P, None]) -> Callable[P, None]:
    """Keep an agent safe from a function's exceptions; with AGENTTRACE_STRICT=1 they are raised."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception as error:
            refuse(error)
            if active().settings.strict:
                raise

    return call


def tried(function: Callable[[], T]) -> T | None:
    """The answer of other people's code; None where it fails."""
    try:
        return function()
    except Exception:  # noqa: BLE001 - what a framework raises is not the agent's concern
        return None


def refuse(error: Exception) -> None:
    """Count what went wrong; log the first under each rule, without a value that was passed."""
    if isinstance(error, Violation):
        rule, reason = error.rule, str(error)
    elif isinstance(error, Misuse):
        rule, reason = MISUSE, str(error)
    else:
        # Only the class: the text of a foreign exception may repeat what it was given.
        rule, reason = INTERNAL, f"{type(error).__name__} while recording"
    if active().counters.refused(rule):
        LOGGER.warning("not recorded: %s (later ones are only counted)", reason)
