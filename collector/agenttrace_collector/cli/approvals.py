"""`agenttrace approvals`: which calls of tools were let through, by whom, and how long they waited."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from agenttrace_collector.cli import output as shown
from agenttrace_collector.cli.expand import expand_options
from agenttrace_collector.cli.filters import AgentOptions, Paged, StepOptions, TimeOptions, wanted
from agenttrace_collector.cli.output import (
    OutputColumn,
    OutputOptions,
    OutputRow,
    interval,
    moment,
    number,
    percent,
    text,
)
from agenttrace_collector.query.formatting import NOTHING

_READING: Final = (
    "Shares in brackets are of runs, at 95 %. A tool whose every call was let through has the bound of that share;"
    " a person decided where the reason says so."
)


class By(StrEnum):
    """What approvals are counted by."""

    TOOLS = "tools"
    REASONS = "reasons"
    RULES = "rules"


@expand_options
def approvals(
    whose: AgentOptions,
    around: TimeOptions,
    about: StepOptions,
    paged: Paged,
    *,
    by: Annotated[By, typer.Argument(help="What to count by.")] = By.TOOLS,
    form: OutputOptions,
) -> None:
    """Show which calls of tools were let through or denied, by whom, and how long they waited."""
    body = form.ask(f"/v1/approvals/{by}", wanted(whose, around, about, paged))
    rows = body[by]

    def tables(console: Console) -> None:
        console.print(shown.table(f"{_TITLES[by]} ({body['total']:,})", _COLUMNS[by], rows))
        if by is By.RULES and body["never_observed"]:
            console.print(f"never observed: {', '.join(body['never_observed'])}")
        console.print(_READING, style="dim")

    form.show(body, rows, tables)


def _milliseconds(key: str) -> Any:
    return lambda row: NOTHING if row[key] is None else f"{row[key]:,} ms"


def _bound(row: OutputRow) -> str:
    """Where no call was denied, up to which share of runs that may be; else nothing."""
    return f"at most {100 * row['denied_run_rate_high']:.1f} % of runs" if row["always_allowed"] else NOTHING


_OF: Final = (
    OutputColumn("agent", text("agent_id")),
    OutputColumn("version", text("agent_version")),
    OutputColumn("tool", text("tool_name")),
)
_TITLES: Final = {
    By.TOOLS: "Tools and how their calls were decided",
    By.REASONS: "Reasons for which calls were let through or denied",
    By.RULES: "Rules that decided calls, those that did not first",
}
_COLUMNS: Final = {
    By.TOOLS: (
        *_OF,
        OutputColumn("decided", number("decided"), number=True),
        OutputColumn("denied", percent("denied_share"), number=True),
        OutputColumn("runs", number("runs"), number=True),
        OutputColumn("runs with a denial [95 %]", interval("denied_run_rate"), number=True),
        OutputColumn("a person decided", percent("asked_share"), number=True),
        OutputColumn("waited, median", _milliseconds("wait_p50_ms"), number=True),
        OutputColumn("always let through: denied in", _bound, number=True),
    ),
    By.REASONS: (
        *_OF,
        OutputColumn("decided", text("selected")),
        OutputColumn("reason", text("reason_code")),
        OutputColumn("count", number("count"), number=True),
        OutputColumn("runs", number("runs"), number=True),
        OutputColumn("waited, median", _milliseconds("wait_p50_ms"), number=True),
        OutputColumn("longest", _milliseconds("wait_max_ms"), number=True),
    ),
    By.RULES: (
        _OF[0],
        _OF[2],
        OutputColumn("decided", text("selected")),
        OutputColumn("rule", text("reason_code")),
        OutputColumn("count", number("count"), number=True),
        OutputColumn("runs", number("runs"), number=True),
        OutputColumn("last", moment("last")),
    ),
}
