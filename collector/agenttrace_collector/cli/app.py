"""The `agenttrace` command: what there is, group by group."""

from __future__ import annotations

import typer

from agenttrace_collector.cli import collector, demo, doctor, migrate

app = typer.Typer(
    name="agenttrace",
    help="What agents decide, on which stated reason, and what goes along with failure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(collector.app, name="collector")
app.add_typer(migrate.app, name="migrate")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
