"""Checks the form of texts: labels, identifiers, secrets; results are cached by text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from agenttrace_schemas import patterns

REDACTED: Final = "_redacted"
IDENTIFIER_LENGTH: Final = 128
_REMEMBERED: Final = 16_384

_LABELS: Final = {mode: re.compile(pattern, re.ASCII) for mode, pattern in patterns.LABELS.items()}
# The other modes are of ASCII that can be printed.
_RELAXED: Final = "relaxed"
_PRINTABLE: Final = re.compile(patterns.LABELS[_RELAXED], re.ASCII)
_IDENTIFIER: Final = re.compile(patterns.IDENTIFIER, re.ASCII)
_SECRETS: Final = re.compile(patterns.SECRETS, re.ASCII)


def label_fault(value: str, mode: str) -> str:
    """Returns the id of the rule that a label breaks in this mode (token, words, relaxed), empty for none."""
    if _LABELS[mode].fullmatch(value) is None or (mode == _RELAXED and not is_printable(value)):
        return "label.pattern"
    return "secret.pattern" if is_secret(value) else ""


def identifier(value: str) -> str:
    """The value as `accepted` returns it, `_redacted` in place of what is no identifier."""
    kept = accepted(value)
    return REDACTED if kept is None else kept


def accepted(value: str) -> str | None:
    """The value without white space around it if it is an identifier that looks like no secret, else None.

    An empty text stays empty; the text `_redacted` is an identifier.
    """
    if len(value) > IDENTIFIER_LENGTH:
        value = value.strip()
    return None if len(value) > IDENTIFIER_LENGTH else _accepted(value)


@lru_cache(maxsize=_REMEMBERED)
def _accepted(value: str) -> str | None:
    value = value.strip()
    if not value or (_IDENTIFIER.fullmatch(value) and not is_secret(value)):
        return value
    return None


def is_secret(value: str) -> bool:
    """True if a text looks like an e-mail address, a key, a token or a card number."""
    if len(value) < patterns.SHORTEST_SECRET and "@" not in value:
        return False
    return _is_secret(value)


@lru_cache(maxsize=_REMEMBERED)
def _is_secret(value: str) -> bool:
    return _SECRETS.search(value) is not None


def is_printable(value: str) -> bool:
    """True if a text has at least one character, no ASCII control character and no lone surrogate."""
    if value.isascii():
        return value.isprintable() and value != ""
    return _is_printable(value)


@lru_cache(maxsize=_REMEMBERED)
def _is_printable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return _PRINTABLE.fullmatch(value) is not None
