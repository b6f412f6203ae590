"""`agenttrace migrate`: bring a database to the schema and the rules of a configuration, or back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, cast

import typer

from agenttrace_collector.cli.options import MISUSED, ConfigFiles, Overrides, fail, failed, loaded, source
from agenttrace_collector.clickhouse.database import open_database
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.rule_check import RuleCheck
from agenttrace_collector.config import Config, ConfigError, build_policy
from agenttrace_collector.delivery.sift import refused_by_table
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_schemas.ddl import script
from agenttrace_schemas.migrations import PROFILES, Profile

app = typer.Typer(
    help="Make, take back or show the schema of the configured database.", invoke_without_command=True
)
AskedProfile = Annotated[
    str | None,
    typer.Option(
        help="server or cluster, for an empty database; one that has tables stays what it is.",
    ),
]
_OWNED = (
    "the database cannot be opened; an embedded one (chdb://) that a collector has open is migrated by"
    " that collector at its start"
)


@app.callback()
def default(context: typer.Context) -> None:
    """Without a subcommand: `up` with the defaults."""
    if context.invoked_subcommand is None:
        up()


@app.command()
def up(config: ConfigFiles = None, set_: Overrides = None, profile: AskedProfile = None) -> None:
    """Apply what is missing, then the CHECKs of this vocabulary and configuration, and say what was changed."""
    settings = loaded(source(config, set_))
    with _migrator(settings, _known(profile)) as migrator:
        done = migrator.up()
        if done.migrations:
            typer.echo(f"applied: {', '.join(done.migrations)}")
        if done.checks:
            typer.echo(f"rules (CHECK) replaced: {', '.join(done.checks)}")
        _tell_of_waiting(settings, migrator)
        if done.ttl:
            typer.echo(f"retention (TTL) changed: {', '.join(done.ttl)}")
        if not any(done):
            typer.echo("nothing to apply")


@app.command()
def down(
    to: Annotated[int, typer.Option(help="Take back every migration above this version.")] = 0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: rows go with their tables.")] = False,  # noqa: FBT002
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """Take migrations back, the last first; the rows of their tables go with them."""
    settings = loaded(source(config, set_))
    if not yes:
        typer.confirm("The rows of the tables that are taken back are deleted. Go on?", abort=True)
    with _migrator(settings) as migrator:
        taken = migrator.down(to)
        typer.echo(f"taken back: {', '.join(taken)}" if taken else "nothing to take back")


@app.command()
def status(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Show each migration and whether the database has it."""
    with _migrator(loaded(source(config, set_))) as migrator:
        for state in migrator.status():
            typer.echo(f"{state.version:04d}  {'applied' if state.applied else 'missing':8} {state.name}")


@app.command()
def audit(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Count stored rows that break a rule, as after an update by hand; exit code 1 where there are any."""
    with _migrator(loaded(source(config, set_))) as migrator:
        found = migrator.audit()
    for table, column, rule, rows in found:
        typer.echo(f"{table}.{column}: {rows} rows break {rule}")
    if found:
        raise typer.Exit(1)
    typer.echo("every stored row keeps every rule")


@app.command()
def render(
    profile: Annotated[str, typer.Option(help="server or cluster.")] = "server",
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """Print the whole schema of this configuration as SQL, for an empty database; nothing is run."""
    chosen = cast("Profile", _known(profile))
    settings = loaded(source(config, set_))
    try:
        policy = build_policy(settings.processors.enforce)
    except ConfigError as error:
        failed("migrate", error)
    ttl = settings.exporters.clickhouse.ttl.model_dump()
    for statement in script(chosen, policy, ttl):
        typer.echo(f"{statement};\n")


def _tell_of_waiting(settings: Config, migrator: Migrator) -> None:
    """Says how many rows of this machine's journal the rules refuse; collectors elsewhere say so of theirs."""
    rules = RuleCheck(migrator.database, migrator.policy)
    for table, rows in refused_by_table(settings.journal.directory, rules).items():
        typer.echo(
            f"waiting in the journal: {rows} rows of {table} are refused by these rules; they are kept there,"
            " and delivered by a start under rules that take them"
        )


def _known(profile: str | None) -> Profile | None:
    if profile is not None and profile not in PROFILES:
        fail(f"agenttrace migrate: --profile is one of {', '.join(PROFILES)}", code=MISUSED)
    return cast("Profile | None", profile)


@contextmanager
def _migrator(config: Config, profile: Profile | None = None) -> Iterator[Migrator]:
    settings = config.exporters.clickhouse
    try:
        with closing(open_database(settings)) as database:
            policy = build_policy(config.processors.enforce)
            yield Migrator(database, policy, settings.ttl.model_dump(), profile=profile)
    except (Rejected, ConfigError) as error:
        failed("migrate", error)
    except Unavailable as error:
        failed("migrate", error, _OWNED)
