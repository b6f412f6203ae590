"""Answers in a terminal: tables with small bars and sparklines, the API's JSON, or CSV."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agenttrace_collector.cli import client
from agenttrace_collector.cli.options import MISUSED, fail
from agenttrace_collector.query import formatting
from agenttrace_collector.query.csv_rows import csv_text
from agenttrace_collector.query.formatting import NOTHING

OutputRow: TypeAlias = Mapping[str, Any]
_WIDTH: Final = 20
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_SPARKS: Final = "▁▂▃▄▅▆▇█"
# Piped into a file a table is as wide as it needs to be.
_PIPED: Final = 200


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column of a table: its heading, what stands in it, and whether that is a number."""

    heading: str
    cell: Callable[[OutputRow], str]
    number: bool = False


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """The API's address and the output format."""

    as_json: Annotated[bool, typer.Option("--json", help="The API's answer as it is.")] = False
    as_csv: Annotated[bool, typer.Option("--csv", help="The rows as CSV.")] = False
    api: Annotated[str | None, typer.Option(help="The collector's API; else AGENTTRACE_API.")] = None

    def __post_init__(self) -> None:
        """Refuse what cannot be both."""
        if self.as_json and self.as_csv:
            fail("give one of --json and --csv", code=MISUSED)

    def ask(self, path: str, parameters: Mapping[str, Any]) -> Any:
        """The API's answer; the command ends where there is none."""
        return client.get(client.address(self.api), path, parameters)

    def show(self, body: Any, rows: Sequence[OutputRow], tables: Callable[[Console], None]) -> None:
        """Print an answer: `body` as JSON, its `rows` as CSV, or `tables`."""
        if self.as_json:
            sys.stdout.write(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
        elif self.as_csv:
            sys.stdout.write(csv_text(rows))
        else:
            tables(console())


def console() -> Console:
    """The terminal, or a wide page where there is none."""
    return Console(width=None if sys.stdout.isatty() else _PIPED, highlight=False, soft_wrap=False)


def table(title: str, columns: Sequence[OutputColumn], rows: Iterable[OutputRow]) -> Table:
    """Rows under headings, what they hold taken literally."""
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column.heading, justify="right" if column.number else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(column.cell(row)) for column in columns))
    return shown


def text(key: str) -> Callable[[OutputRow], str]:
    """A value as it is; nothing for none."""
    return lambda row: str(row[key]) if row[key] not in {None, ""} else NOTHING


def number(key: str) -> Callable[[OutputRow], str]:
    """A number with its thousands set off."""
    return lambda row: formatting.number(row[key])


def decimal(key: str) -> Callable[[OutputRow], str]:
    """A number of any size, to three digits."""
    return lambda row: formatting.decimal(row[key])


def percent(key: str) -> Callable[[OutputRow], str]:
    """A share as percent."""
    return lambda row: formatting.share(row[key])


def interval(key: str) -> Callable[[OutputRow], str]:
    """A share with its interval at 95 %."""
    return lambda row: (
        NOTHING
        if row[key] is None
        else f"{formatting.share(row[key])} [{100 * row[f'{key}_low']:.1f} to {100 * row[f'{key}_high']:.1f}]"
    )


def probability(key: str) -> Callable[[OutputRow], str]:
    """A p or q value."""
    return lambda row: formatting.probability(row[key])


def moment(key: str) -> Callable[[OutputRow], str]:
    """A time in UTC, to the second."""
    return lambda row: formatting.moment(datetime.fromisoformat(row[key]))


def bars(key: str, rows: Sequence[OutputRow]) -> Callable[[OutputRow], str]:
    """A bar beside each row, as long as its part of the largest."""
    largest = max((row[key] or 0 for row in rows), default=0)
    return lambda row: bar((row[key] or 0) / largest if largest else 0.0)


def bar(part: float) -> str:
    """A bar of this part of the whole width."""
    eighths = round(max(0.0, min(1.0, part)) * _WIDTH * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def sparkline(values: Sequence[float]) -> str:
    """One mark for each value, as high as its part of the largest."""
    largest = max(values, default=0)
    return "".join(_SPARKS[round(value / largest * 7)] if largest else _SPARKS[0] for value in values)
