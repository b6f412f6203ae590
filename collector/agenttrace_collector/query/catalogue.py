"""The named queries: one SQL file each, its first comment line the title, parameters bound by ClickHouse.

What several queries share stands in `sql/parts`: `${name}` is that file's text, put there when the catalogue is read.
Nothing is put into a statement after that; values are parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from agenttrace_schemas.template import is_template, render

_PARAMETER: Final = re.compile(r"\{(\w+):((?:[^{}])+)\}")


@dataclass(frozen=True, slots=True)
class Query:
    """A named query: name, title, description, statement, and the types of its parameters."""

    name: str
    title: str
    about: str
    statement: str
    parameters: Mapping[str, str]


@cache
def catalogue() -> Mapping[str, Query]:
    """Every named query, by name: the files of `query/sql`."""
    found = (_query(name, text) for name, text in _read(files(__package__) / "sql"))
    return {query.name: query for query in found}


def composed(statement: str) -> str:
    """Returns a statement with its parts, and the parts of those; raises `KeyError` for an unknown part."""
    while is_template(statement):
        statement = render(statement, _parts())
    return statement


@cache
def _parts() -> Mapping[str, str]:
    return {name: _code(text) for name, text in _read(files(__package__) / "sql" / "parts")}


def _read(folder: Traversable) -> list[tuple[str, str]]:
    """The SQL files of a folder, by name."""
    return sorted(
        (file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    )


def _query(name: str, text: str) -> Query:
    comment = [line.removeprefix("--").strip() for line in text.splitlines() if line.startswith("--")]
    statement = composed(_code(text))
    return Query(
        name=name,
        title=comment[0],
        about=" ".join(comment[1:]).strip(),
        statement=statement,
        parameters={name: kind.strip() for name, kind in _PARAMETER.findall(statement)},
    )


def _code(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).strip()
