"""The functions that a statement may call: an allow-list of the engine's functions.

`functions.tsv` marks each as `allowed`, or as `refused` if it reads outside of the database, runs other code, sleeps,
writes, or reveals something of the machine. A function that is not listed is refused.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

_SNAPSHOT: Final = "functions.tsv"
_ALLOWED: Final = "allowed"
# What the parser makes of an expression without a function of that name.
_SYNTAX: Final = frozenset({"lambda", "exists", "untuple", "grouping"})
# What may end the name of an aggregate function, in lower case.
COMBINATORS: Final = (
    *(
        "if",
        "array",
        "distinct",
        "foreach",
        "ornull",
        "ordefault",
        "state",
        "merge",
        "mergestate",
        "simplestate",
    ),
    *("resample", "map", "argmin", "argmax", "null", "tuple"),
)


@cache
def sorted_functions() -> dict[str, str]:
    """Returns `allowed` or `refused` by the engine's name of the function."""
    text = files(__package__).joinpath(_SNAPSHOT).read_text(encoding="utf-8")
    return dict(line.split("\t") for line in text.splitlines())


@cache
def _allowed() -> frozenset[str]:
    named = frozenset(name.lower() for name, answer in sorted_functions().items() if answer == _ALLOWED)
    refused = frozenset(name.lower() for name, answer in sorted_functions().items() if answer != _ALLOWED)
    return (named - refused) | _SYNTAX


def is_allowed(name: str) -> bool:
    """True if a function may be called, whatever the case of its name and whichever combinators follow it."""
    lower = name.lower()
    if lower in _allowed():
        return True
    return any(
        lower.endswith(each) and len(lower) > len(each) and is_allowed(lower.removesuffix(each))
        for each in COMBINATORS
    )
