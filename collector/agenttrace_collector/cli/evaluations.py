"""`agenttrace evaluations`: what evaluators measured, by name."""

from __future__ import annotations

from typing import Annotated, Final

from rich.console import Console

from agenttrace_collector.cli import output as shown
from agenttrace_collector.cli.expand import expand_options
from agenttrace_collector.cli.filters import AgentOptions, Paged, StepOptions, TimeOptions, option, wanted
from agenttrace_collector.cli.output import Column, OutputOptions, Row, decimal, number, text
from agenttrace_collector.query.formatting import NOTHING

_READING: Final = (
    "The number of a run is the mean of its own; intervals are at 95 %, for ten runs or more. Numbers and labels are"
    " those of whoever sent them."
)


@expand_options
def evaluations(
    whose: AgentOptions,
    around: TimeOptions,
    about: StepOptions,
    paged: Paged,
    *,
    name: Annotated[str | None, option("name")] = None,
    form: OutputOptions,
) -> None:
    """Show what evaluators measured, by name."""
    body = form.ask("/v1/evaluations/aggregate", wanted(whose, around, about, paged, name=name))
    rows = body["aggregations"]

    def tables(console: Console) -> None:
        console.print(shown.table(f"Evaluations ({body['total']:,})", _COLUMNS, rows))
        console.print(_READING, style="dim")

    form.show(body, rows, tables)


def _mean(row: Row) -> str:
    told = decimal("mean")(row)
    return told if row["mean_low"] is None else f"{told} [{row['mean_low']:.3g} to {row['mean_high']:.3g}]"


def _labels(row: Row) -> str:
    return ", ".join(f"{label} {count:,}" for label, count in row["labels"].items()) or NOTHING


_COLUMNS: Final = (
    Column("name", text("name")),
    Column("count", number("count"), number=True),
    Column("runs", number("runs"), number=True),
    Column("mean of runs [95 %]", _mean, number=True),
    Column("median", decimal("median"), number=True),
    Column("least", decimal("least"), number=True),
    Column("most", decimal("most"), number=True),
    Column("errors", number("errors"), number=True),
    Column("labels", _labels),
)
