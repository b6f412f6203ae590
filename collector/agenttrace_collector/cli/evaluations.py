"""`agenttrace evaluations`: what evaluators measured, by name."""

from __future__ import annotations

from typing import Annotated, Final

from rich.console import Console

from agenttrace_collector.cli import output as shown
from agenttrace_collector.cli.expand import expand_options
from agenttrace_collector.cli.filters import AgentOptions, Paged, StepOptions, TimeOptions, option, wanted
from agenttrace_collector.cli.output import OutputColumn, OutputOptions, OutputRow, decimal, number, text
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


def _mean(row: OutputRow) -> str:
    told = decimal("mean")(row)
    return told if row["mean_low"] is None else f"{told} [{row['mean_low']:.3g} to {row['mean_high']:.3g}]"


def _labels(row: OutputRow) -> str:
    return ", ".join(f"{label} {count:,}" for label, count in row["labels"].items()) or NOTHING


_COLUMNS: Final = (
    OutputColumn("name", text("name")),
    OutputColumn("count", number("count"), number=True),
    OutputColumn("runs", number("runs"), number=True),
    OutputColumn("mean of runs [95 %]", _mean, number=True),
    OutputColumn("median", decimal("median"), number=True),
    OutputColumn("least", decimal("least"), number=True),
    OutputColumn("most", decimal("most"), number=True),
    OutputColumn("errors", number("errors"), number=True),
    OutputColumn("labels", _labels),
)
