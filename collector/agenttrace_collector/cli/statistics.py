"""`agenttrace compare|correlate`: what differs by version, and what is associated with failure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.console import Console

from agenttrace_collector.cli import output as shown
from agenttrace_collector.cli.expand import expand_options
from agenttrace_collector.cli.filters import AgentOptions, Limit, StepOptions, TimeOptions, wanted
from agenttrace_collector.cli.output import (
    OutputColumn,
    OutputOptions,
    OutputRow,
    decimal,
    interval,
    number,
    probability,
    text,
)

_KINDS: Final = {
    "decision_deltas": ("Decisions", ("decision_type", "reason_code")),
    "signal_deltas": ("Quality signals, true in a run", ("signal_type", "signal_code")),
    "outcome_deltas": ("Outcomes", ("outcome",)),
}
_EVALUATIONS: Final = "evaluation_deltas"
_READING: Final = (
    "Shares are of runs, with intervals at 95 %; q is p corrected for how many rows are tested; * marks rows with"
    " fewer than ten runs, which are not tested. A difference is an observation, not a reason for it."
)


class Which(StrEnum):
    """What is associated with how runs ended."""

    DECISIONS = "decisions"
    STEPS = "steps"
    SIGNALS = "signals"
    EVALUATIONS = "evaluations"


@expand_options
def compare(
    agent_id: Annotated[str, typer.Argument(metavar="AGENT", help="The agent.")],
    version_a: Annotated[str, typer.Argument(metavar="VERSION_A", help="One version.")],
    version_b: Annotated[str, typer.Argument(metavar="VERSION_B", help="The other one.")],
    *,
    around: TimeOptions,
    about: StepOptions,
    limit: Limit = 20,
    form: OutputOptions,
) -> None:
    """Show by what two versions of an agent differ."""
    named = {"agent_id": agent_id, "version_a": version_a, "version_b": version_b, "page_size": limit}
    body = form.ask("/v1/compare/versions", wanted(around, about, **named))
    parts = {name: body["comparison"][name] for name in (*_KINDS, _EVALUATIONS)}

    def tables(console: Console) -> None:
        for name, (title, keys) in _KINDS.items():
            console.print(shown.table(title, _compared(keys, version_a, version_b), parts[name]))
            console.print()
        if parts[_EVALUATIONS]:
            means = _means(OutputColumn("name", text("name")), version_a, version_b)
            console.print(shown.table("Evaluations, means of runs", means, parts[_EVALUATIONS]))
            console.print()
        console.print(_READING, style="dim")

    form.show(body, [{"kind": name, **row} for name in parts for row in parts[name]], tables)


@expand_options
def correlate(
    whose: AgentOptions,
    around: TimeOptions,
    about: StepOptions,
    *,
    which: Annotated[Which, typer.Argument(help="What to look at.")] = Which.DECISIONS,
    limit: Limit = 20,
    form: OutputOptions,
) -> None:
    """Show which decisions precede failures, and which outcomes or evaluations go with decisions and signals."""
    path, title, columns = _ASSOCIATED[which]
    body = form.ask(path, wanted(whose, around, about, page_size=limit))
    rows = body["correlations"]

    def tables(console: Console) -> None:
        console.print(shown.table(f"{title} ({body['total']:,})", columns, rows))
        console.print(_READING, style="dim")

    form.show(body, rows, tables)


def _compared(keys: Sequence[str], version_a: str, version_b: str) -> tuple[OutputColumn, ...]:
    return (
        *(OutputColumn(key.partition("_")[2] or key, text(key)) for key in keys),
        OutputColumn(f"{version_a} runs", number("version_a_runs"), number=True),
        OutputColumn(f"{version_a} [95 %]", interval("version_a_run_rate"), number=True),
        OutputColumn(f"{version_b} runs", number("version_b_runs"), number=True),
        OutputColumn(f"{version_b} [95 %]", interval("version_b_run_rate"), number=True),
        *_TESTED,
    )


def _means(named: OutputColumn, version_a: str, version_b: str) -> tuple[OutputColumn, ...]:
    return (
        named,
        OutputColumn(f"{version_a} runs", number("version_a_runs"), number=True),
        OutputColumn(f"{version_a} mean", decimal("version_a_mean"), number=True),
        OutputColumn(f"{version_b} runs", number("version_b_runs"), number=True),
        OutputColumn(f"{version_b} mean", decimal("version_b_mean"), number=True),
        *_OF_MEANS,
    )


def _difference_of_means(row: OutputRow) -> str:
    """With its interval; a mark where there are too few runs."""
    told = decimal("difference")(row)
    if row["difference_low"] is not None:
        told += f" [{row['difference_low']:.3g} to {row['difference_high']:.3g}]"
    return f"{told} *" if row["under_support"] else told


def _difference(row: OutputRow) -> str:
    """In points, with its interval; a mark where there are too few runs."""
    if row["difference"] is None:
        return "-"
    low, high = (100 * row[f"difference_{end}"] for end in ("low", "high"))
    mark = " *" if row["under_support"] else ""
    return f"{100 * row['difference']:+.1f} [{low:+.1f} to {high:+.1f}]{mark}"


_TESTED: Final = (
    OutputColumn("differs by, points [95 %]", _difference, number=True),
    OutputColumn("p", probability("p_value"), number=True),
    OutputColumn("q", probability("q_value"), number=True),
)
_OF_MEANS: Final = (
    OutputColumn("differs by [95 %]", _difference_of_means, number=True),
    *_TESTED[1:],
)
_ASSOCIATED: Final = {
    Which.DECISIONS: (
        "/v1/correlate/decisions-failures",
        "Decisions, and failures after them in the run",
        (
            OutputColumn("decision", text("decision_type")),
            OutputColumn("reason", text("reason_code")),
            OutputColumn("runs", number("runs"), number=True),
            OutputColumn("failed after [95 %]", interval("correlation_rate"), number=True),
            OutputColumn("in any order", shown.percent("rate_in_any_order"), number=True),
            OutputColumn("failed without it", shown.percent("rate_without"), number=True),
            *_TESTED,
        ),
    ),
    Which.STEPS: (
        "/v1/correlate/decisions-steps",
        "Decisions, and failures of the steps that carried them out",
        (
            OutputColumn("decision", text("decision_type")),
            OutputColumn("reason", text("reason_code")),
            OutputColumn("runs", number("runs"), number=True),
            OutputColumn("its step failed [95 %]", interval("step_failure_rate"), number=True),
            OutputColumn("other reasons", number("runs_with_other_reasons"), number=True),
            OutputColumn("theirs failed", shown.percent("rate_of_other_reasons"), number=True),
            *_TESTED,
        ),
    ),
    Which.SIGNALS: (
        "/v1/correlate/signals-outcomes",
        "Quality signals, and how runs ended",
        (
            OutputColumn("signal", text("signal_type")),
            OutputColumn("code", text("signal_code")),
            OutputColumn("runs with", number("runs_present"), number=True),
            OutputColumn("succeeded with [95 %]", interval("success_rate_when_present"), number=True),
            OutputColumn("runs without", number("runs_absent"), number=True),
            OutputColumn("succeeded without [95 %]", interval("success_rate_when_absent"), number=True),
            *_TESTED,
        ),
    ),
    Which.EVALUATIONS: (
        "/v1/correlate/evaluations",
        "Evaluations of runs with and without a decision or a signal",
        (
            OutputColumn("evaluation", text("name")),
            OutputColumn("", text("kind")),
            OutputColumn("type", text("type")),
            OutputColumn("code", text("code")),
            OutputColumn("runs with", number("runs_present"), number=True),
            OutputColumn("mean with", decimal("mean_present"), number=True),
            OutputColumn("runs without", number("runs_absent"), number=True),
            OutputColumn("mean without", decimal("mean_absent"), number=True),
            *_OF_MEANS,
        ),
    ),
}
