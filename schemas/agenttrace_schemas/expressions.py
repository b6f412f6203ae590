"""Parts of the expressions of CHECKs: literals, lists, patterns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from agenttrace_schemas import patterns

# A rule's id and an expression that is true for good rows.
ViolatedRules: TypeAlias = Iterator[tuple[str, str]]


def quoted(text: str, mark: str = "'") -> str:
    """A SQL string literal, or with a backtick an identifier."""
    escaped = text.replace("\\", "\\\\").replace(mark, f"\\{mark}")
    return f"{mark}{escaped}{mark}"


_ANY: Final = quoted(patterns.anchored(patterns.LABELS["relaxed"]))
SECRET: Final = quoted(patterns.SECRETS)


def listed(values: Iterable[str]) -> str:
    """A list of literals in parentheses."""
    return "(" + ", ".join(map(quoted, values)) + ")"


def matches(value: str, pattern: str) -> str:
    """Whether the whole of a value is of a pattern."""
    return f"match({value}, {quoted(patterns.anchored(pattern))})"


def text(value: str, length: int) -> str:
    """Whether a value is printable text of 1 to `length` characters."""
    return f"isValidUTF8({value}) AND lengthUTF8({value}) BETWEEN 1 AND {length} AND match({value}, {_ANY})"
