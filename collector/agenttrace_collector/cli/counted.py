"""`agenttrace runs|decisions|signals|failures|rejections|stats`: what there is, counted and listed."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from rich.console import Console

from agenttrace_collector.cli import client, shown
from agenttrace_collector.cli.filters import (
    Agent,
    ApiAt,
    AsCsv,
    AsJson,
    Environment,
    Limit,
    PageOf,
    Since,
    Source,
    Tool,
    Until,
    Version,
)
from agenttrace_collector.cli.shown import Column, Form, Row, bars, interval, moment, number, text

_DAY: Final = 86_400


def runs(  # noqa: PLR0917 - the command's options
    agent: Agent = None,
    version: Version = None,
    environment: Environment = None,
    status: Annotated[str | None, typer.Option(help="Only runs that ended so.")] = None,
    since: Since = None,
    until: Until = None,
    page: PageOf = 1,
    limit: Limit = 20,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    as_csv: AsCsv = False,  # noqa: FBT002 - a flag
    api: ApiAt = None,
) -> None:
    """List runs, the latest first."""
    wanted = _wanted(agent, version, environment, since, until, status=status, page=page, page_size=limit)
    columns = (
        Column("started", moment("started_at")),
        Column("run", text("run_id")),
        Column("agent", text("agent_id")),
        Column("version", text("agent_version")),
        Column("environment", text("environment")),
        Column("status", text("status")),
        Column("steps", number("steps"), number=True),
        Column("failed", number("failed_steps"), number=True),
        Column("retries", number("retries"), number=True),
        Column("error", text("error_type")),
    )
    _list(Form(as_json, as_csv), api, wanted, ("/v1/runs", "runs", "Runs", columns))


def decisions(  # noqa: PLR0917 - the command's options
    agent: Agent = None,
    version: Version = None,
    environment: Environment = None,
    tool: Tool = None,
    source: Source = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only decisions of this type.")] = None,
    since: Since = None,
    until: Until = None,
    page: PageOf = 1,
    limit: Limit = 100,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    as_csv: AsCsv = False,  # noqa: FBT002 - a flag
    api: ApiAt = None,
) -> None:
    """Count decisions by type and reason."""
    more = {"tool": tool, "source": source, "decision_type": type_, "page": page, "page_size": limit}
    wanted = _wanted(agent, version, environment, since, until, **more)
    columns = (
        Column("decision", text("decision_type")),
        Column("reason", text("reason_code")),
        Column("count", number("count"), number=True),
        Column("runs", number("runs"), number=True),
        Column("confidence", _confidence, number=True),
        Column("versions", lambda row: ", ".join(row["agent_versions"])),
    )
    _list(
        Form(as_json, as_csv), api, wanted, ("/v1/decisions/aggregate", "aggregations", "Decisions", columns)
    )


def signals(  # noqa: PLR0917 - the command's options
    agent: Agent = None,
    version: Version = None,
    environment: Environment = None,
    tool: Tool = None,
    source: Source = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only signals of this type.")] = None,
    since: Since = None,
    until: Until = None,
    page: PageOf = 1,
    limit: Limit = 100,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    as_csv: AsCsv = False,  # noqa: FBT002 - a flag
    api: ApiAt = None,
) -> None:
    """Count quality signals by type and code, as true and as false."""
    more = {"tool": tool, "source": source, "signal_type": type_, "page": page, "page_size": limit}
    wanted = _wanted(agent, version, environment, since, until, **more)
    columns = (
        Column("signal", text("signal_type")),
        Column("code", text("signal_code")),
        Column("true", number("true_count"), number=True),
        Column("false", number("false_count"), number=True),
        Column("runs", number("runs"), number=True),
        Column("runs with true [95 %]", interval("run_rate"), number=True),
        Column("", lambda row: shown.bar(row["run_rate"] or 0.0)),
    )
    _list(
        Form(as_json, as_csv),
        api,
        wanted,
        ("/v1/signals/aggregate", "aggregations", "Quality signals", columns),
    )


def failures(  # noqa: PLR0917 - the command's options
    agent: Agent = None,
    version: Version = None,
    environment: Environment = None,
    tool: Tool = None,
    source: Source = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only failures of this type.")] = None,
    since: Since = None,
    until: Until = None,
    page: PageOf = 1,
    limit: Limit = 100,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    as_csv: AsCsv = False,  # noqa: FBT002 - a flag
    api: ApiAt = None,
) -> None:
    """Count failures by type and code."""
    more = {"tool": tool, "source": source, "failure_type": type_, "page": page, "page_size": limit}
    wanted = _wanted(agent, version, environment, since, until, **more)
    columns = (
        Column("failure", text("failure_type")),
        Column("code", text("failure_code")),
        Column("count", number("count"), number=True),
        Column("runs", number("runs"), number=True),
        Column("derived", number("derived"), number=True),
    )
    _list(Form(as_json, as_csv), api, wanted, ("/v1/failures/aggregate", "aggregations", "Failures", columns))


def rejections(  # noqa: PLR0917 - the command's options
    agent: Agent = None,
    version: Version = None,
    environment: Environment = None,
    since: Since = None,
    until: Until = None,
    page: PageOf = 1,
    limit: Limit = 100,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    as_csv: AsCsv = False,  # noqa: FBT002 - a flag
    api: ApiAt = None,
) -> None:
    """Count what was refused by kind, rule and attribute key; no value is kept of it."""
    wanted = _wanted(agent, version, environment, since, until, page=page, page_size=limit)
    columns = (
        Column("kind", text("kind")),
        Column("rule", text("rule")),
        Column("attribute key", text("attribute_key")),
        Column("count", number("count"), number=True),
        Column("last", moment("last")),
    )
    _list(
        Form(as_json, as_csv), api, wanted, ("/v1/rejections/aggregate", "aggregations", "Refused", columns)
    )


def stats(  # noqa: PLR0917 - the command's options
    agent: Agent = None,
    version: Version = None,
    environment: Environment = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    as_csv: AsCsv = False,  # noqa: FBT002 - a flag
    api: ApiAt = None,
) -> None:
    """Count everything, and show runs by day."""
    base, wanted = client.address(api), _wanted(agent, version, environment, since, until)
    body = client.get(base, "/v1/stats", wanted)
    days = client.get(base, "/v1/stats/over-time", {**wanted, "step": _DAY})["intervals"]

    def tables(console: Console) -> None:
        columns = (Column("", text("name")), Column("count", number("count"), number=True))
        rows: list[Row] = [{"name": name.replace("_", " "), "count": count} for name, count in body.items()]
        console.print(shown.table("Stored", columns, rows))
        if days:
            console.print("\nRuns by day and how many of them failed", style="bold")
            for label, key in (("runs", "runs"), ("failed", "failed")):
                console.print(f"{label:<8}{shown.sparkline([day[key] for day in days])}")
            first, last = (moment("time")(day)[:10] for day in (days[0], days[-1]))
            console.print(f"        {first} to {last}; days without runs are left out")

    Form(as_json, as_csv).show(body, [body], tables)


def _wanted(  # noqa: PLR0917 - what every question has
    agent: str | None,
    version: str | None,
    environment: str | None,
    since: str | None,
    until: str | None,
    **more: Any,
) -> dict[str, Any]:
    named = {"agent_id": agent, "agent_version": version, "environment": environment}
    return {**named, "start_time": since, "end_time": until, **more}


def _list(form: Form, api: str | None, wanted: Row, kind: tuple[str, str, str, tuple[Column, ...]]) -> None:
    """One list of the API: its path, its key, a title, columns; a bar stands beside counts."""
    path, key, title, columns = kind
    body = client.get(client.address(api), path, wanted)
    rows = body[key]

    def tables(console: Console) -> None:
        beside = (Column("", bars("count", rows)),) if rows and "count" in rows[0] else ()
        console.print(shown.table(f"{title} ({body['total']:,})", (*columns, *beside), rows))
        if body["total"] > len(rows):
            console.print(f"{len(rows)} of {body['total']:,}: more with --page and --limit")
        if not rows:
            console.print("nothing is stored that fits; what a collector received: agenttrace doctor")

    form.show(body, rows, tables)


def _confidence(row: Row) -> str:
    value = row["avg_confidence"]
    return "-" if value is None else f"{value:.2f}"
