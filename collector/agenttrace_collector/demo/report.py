"""Tables printed from SQL on the demonstration's database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


class ReportDatabase(Protocol):
    """What answers: the names of a query's columns, and its rows."""

    def read(self, statement: str) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
        """Run a query."""


class ReportQuery(NamedTuple):
    """One query of the report: its first line of comment is the title."""

    title: str
    sql: str


def questions() -> Iterator[ReportQuery]:
    """The queries in their order."""
    folder = files(__package__).joinpath("sql")
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        text = file.read_text(encoding="utf-8")
        yield ReportQuery(text.splitlines()[0].removeprefix("-- "), text)


def print_report(database: ReportDatabase, console: Console) -> None:
    """Every question with its answer."""
    for title, sql in questions():
        names, rows = database.read(sql)
        table = Table(
            title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for place, name in enumerate(names):
            numeric = bool(rows) and all(_is_number(row[place]) for row in rows)
            table.add_column(name.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(_shown, row))
        console.print(table)


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
