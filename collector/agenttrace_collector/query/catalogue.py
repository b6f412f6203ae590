"""The named queries: one SQL file each, its first comment line the title, parameters bound by ClickHouse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

_PARAMETER: Final = re.compile(r"\{(\w+):((?:[^{}])+)\}")


@dataclass(frozen=True, slots=True)
class Query:
    """One question: what it is called, what it tells, its statement and the types of its parameters."""

    name: str
    title: str
    about: str
    statement: str
    parameters: Mapping[str, str]


@cache
def catalogue() -> Mapping[str, Query]:
    """Every named query, by name: the files of `query/sql`."""
    folder = files(__package__) / "sql"
    found = (file for file in folder.iterdir() if file.name.endswith(".sql"))
    return {query.name: query for query in sorted(map(_query, found), key=lambda query: query.name)}


def _query(file: Traversable) -> Query:
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    comment = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    return Query(
        name=file.name.removesuffix(".sql"),
        title=comment[0],
        about=" ".join(comment[1:]).strip(),
        statement="\n".join(line for line in lines if not line.startswith("--")).strip(),
        parameters={name: kind.strip() for name, kind in _PARAMETER.findall(text)},
    )
