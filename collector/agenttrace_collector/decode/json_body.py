"""Parses JSON bodies of any depth, with numbers of any size; an error names the line and column only."""

from __future__ import annotations

import json
import math
import re
from typing import Final

from agenttrace_collector.errors import Rejected

# A value of OTLP takes four levels for each list or map in it: 64 of those and the way to them are read.
MOST_LEVELS: Final = 300
_MOST_DIGITS: Final = 40
_NO_LINE_END: Final = re.compile(r"[^\n]")
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def parse_json(body: bytes) -> object:
    """Returns the value, with 0 in place of anything nested deeper than `MOST_LEVELS`.

    Raises `Rejected` with line and column if the body is not JSON.
    """
    # A byte order mark is let through, and bad bytes are replaced: neither costs the request.
    text = body.decode("utf-8-sig", "replace")
    try:
        try:
            return _loads(text)
        except RecursionError:
            return _loads(_without_depths(text))
    except json.JSONDecodeError as error:
        # The text of the error itself may repeat what was read.
        message = f"the body must be JSON: it is none at line {error.lineno}, column {error.colno}"
        raise Rejected(message) from None


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # Python converts no integer of more than some thousand digits.
        return json.loads(text, parse_int=_number)


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def _without_depths(text: str) -> str:
    """The text with 0 in place of every list and object that lies too deep; every other place stays where it is."""
    parts: list[str] = []
    level, taken = 0, 0
    for token in _TOKENS.finditer(text):
        bracket = token[0]
        if bracket in "[{":
            level += 1
            if level == MOST_LEVELS + 1:
                parts.append(text[taken : token.start()])
                taken = token.start()
        elif bracket in "]}":
            level -= 1
            if level == MOST_LEVELS:
                parts.append(_blank(text[taken : token.end()]))
                taken = token.end()
    return "".join((*parts, _blank(text[taken:]) if level > MOST_LEVELS else text[taken:]))


def _blank(deep: str) -> str:
    """A zero and white space, with the line ends of what stood there."""
    return "0" + _NO_LINE_END.sub(" ", deep[1:])
