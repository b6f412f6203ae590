"""`agenttrace runs|decisions|signals|failures|rejections|unplaced|stats`: lists and counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

from rich.console import Console

from agenttrace_collector.cli import output as shown
from agenttrace_collector.cli.expand import expand_options
from agenttrace_collector.cli.filters import (
    AgentOptions,
    Limit,
    Paged,
    PageOf,
    StepOptions,
    TimeOptions,
    option,
    wanted,
)
from agenttrace_collector.cli.output import (
    OutputColumn,
    OutputOptions,
    OutputRow,
    bars,
    interval,
    moment,
    number,
    text,
)
from agenttrace_collector.query.formatting import NOTHING

_DAY: Final = 86_400


class _List(NamedTuple):
    """A list of the API: where it is, how it is headed, its columns, its key in the answer."""

    path: str
    title: str
    columns: tuple[OutputColumn, ...]
    key: str = "aggregations"

    def show(self, form: OutputOptions, chosen: Mapping[str, Any]) -> None:
        """Ask, and print what there is; a bar stands beside counts."""
        body = form.ask(self.path, chosen)
        form.show(body, body[self.key], lambda console: self._tell(console, body))

    def _tell(self, console: Console, body: Mapping[str, Any]) -> None:
        rows = body[self.key]
        beside = (OutputColumn("", bars("count", rows)),) if rows and "count" in rows[0] else ()
        console.print(shown.table(f"{self.title} ({body['total']:,})", (*self.columns, *beside), rows))
        if body["total"] > len(rows):
            console.print(f"{len(rows)} of {body['total']:,}: more with --page and --limit")
        if not rows:
            console.print("no stored records match; agenttrace doctor shows what the collector received")


@expand_options
def runs(
    whose: AgentOptions,
    around: TimeOptions,
    *,
    status: Annotated[str | None, option("status")] = None,
    page: PageOf = 1,
    limit: Limit = 20,
    form: OutputOptions,
) -> None:
    """List runs, the latest first."""
    _RUNS.show(form, wanted(whose, around, status=status, page=page, page_size=limit))


@expand_options
def decisions(
    whose: AgentOptions,
    around: TimeOptions,
    about: StepOptions,
    paged: Paged,
    *,
    type_: Annotated[str | None, option("decision_type")] = None,
    form: OutputOptions,
) -> None:
    """Count decisions by type and reason."""
    _DECISIONS.show(form, wanted(whose, around, about, paged, decision_type=type_))


@expand_options
def signals(
    whose: AgentOptions,
    around: TimeOptions,
    about: StepOptions,
    paged: Paged,
    *,
    type_: Annotated[str | None, option("signal_type")] = None,
    form: OutputOptions,
) -> None:
    """Count quality signals by type and code, as true and as false."""
    _SIGNALS.show(form, wanted(whose, around, about, paged, signal_type=type_))


@expand_options
def failures(
    whose: AgentOptions,
    around: TimeOptions,
    about: StepOptions,
    paged: Paged,
    *,
    type_: Annotated[str | None, option("failure_type")] = None,
    form: OutputOptions,
) -> None:
    """Count failures by type and code."""
    _FAILURES.show(form, wanted(whose, around, about, paged, failure_type=type_))


@expand_options
def rejections(whose: AgentOptions, around: TimeOptions, paged: Paged, form: OutputOptions) -> None:
    """Count what was refused by kind, rule and attribute key; no value is kept of it."""
    _REJECTIONS.show(form, wanted(whose, around, paged))


@expand_options
def unplaced(whose: AgentOptions, around: TimeOptions, paged: Paged, form: OutputOptions) -> None:
    """List runs of which only events are stored: their spans come when they end, or never came."""
    _UNPLACED.show(form, wanted(whose, around, paged))


@expand_options
def stats(whose: AgentOptions, around: TimeOptions, form: OutputOptions) -> None:
    """Count everything, and show runs by day."""
    chosen = wanted(whose, around)
    body = form.ask("/v1/stats", chosen)
    days = form.ask("/v1/stats/over-time", {**chosen, "step": _DAY})["intervals"]

    def tables(console: Console) -> None:
        columns = (OutputColumn("", text("name")), OutputColumn("count", number("count"), number=True))
        rows: list[OutputRow] = [
            {"name": name.replace("_", " "), "count": count} for name, count in body.items()
        ]
        console.print(shown.table("Stored", columns, rows))
        if days:
            console.print("\nRuns by day and how many of them failed", style="bold")
            for label, key in (("runs", "runs"), ("failed", "failed")):
                console.print(f"{label:<8}{shown.sparkline([day[key] for day in days])}")
            first, last = (moment("time")(day)[:10] for day in (days[0], days[-1]))
            console.print(f"        {first} to {last}; days without runs are left out")

    form.show(body, [body], tables)


def _confidence(row: OutputRow) -> str:
    value = row["avg_confidence"]
    return NOTHING if value is None else f"{value:.2f}"


_RUNS: Final = _List(
    "/v1/runs",
    "Runs",
    (
        OutputColumn("started", moment("started_at")),
        OutputColumn("run", text("run_id")),
        OutputColumn("agent", text("agent_id")),
        OutputColumn("version", text("agent_version")),
        OutputColumn("environment", text("environment")),
        OutputColumn("status", text("status")),
        OutputColumn("steps", number("steps"), number=True),
        OutputColumn("failed", number("failed_steps"), number=True),
        OutputColumn("retries", number("retries"), number=True),
        OutputColumn("error", text("error_type")),
    ),
    key="runs",
)
_DECISIONS: Final = _List(
    "/v1/decisions/aggregate",
    "Decisions",
    (
        OutputColumn("decision", text("decision_type")),
        OutputColumn("reason", text("reason_code")),
        OutputColumn("count", number("count"), number=True),
        OutputColumn("runs", number("runs"), number=True),
        OutputColumn("confidence", _confidence, number=True),
        OutputColumn("versions", lambda row: ", ".join(row["agent_versions"])),
    ),
)
_SIGNALS: Final = _List(
    "/v1/signals/aggregate",
    "Quality signals",
    (
        OutputColumn("signal", text("signal_type")),
        OutputColumn("code", text("signal_code")),
        OutputColumn("true", number("true_count"), number=True),
        OutputColumn("false", number("false_count"), number=True),
        OutputColumn("runs", number("runs"), number=True),
        OutputColumn("runs with true [95 %]", interval("run_rate"), number=True),
        OutputColumn("", lambda row: shown.bar(row["run_rate"] or 0.0)),
    ),
)
_FAILURES: Final = _List(
    "/v1/failures/aggregate",
    "Failures",
    (
        OutputColumn("failure", text("failure_type")),
        OutputColumn("code", text("failure_code")),
        OutputColumn("count", number("count"), number=True),
        OutputColumn("runs", number("runs"), number=True),
        OutputColumn("derived", number("derived"), number=True),
    ),
)
_REJECTIONS: Final = _List(
    "/v1/rejections/aggregate",
    "Refused",
    (
        OutputColumn("kind", text("kind")),
        OutputColumn("rule", text("rule")),
        OutputColumn("attribute key", text("attribute_key")),
        OutputColumn("count", number("count"), number=True),
        OutputColumn("last", moment("last")),
    ),
)
_UNPLACED: Final = _List(
    "/v1/unplaced",
    "Runs of which only events are stored",
    (
        OutputColumn("last", moment("last")),
        OutputColumn("run", text("run_id")),
        OutputColumn("agent", text("agent_id")),
        *(
            OutputColumn(label, number(label.replace(" ", "_")), number=True)
            for label in ("decisions", "quality signals", "failures", "evaluations", "outcomes")
        ),
    ),
    key="runs",
)
