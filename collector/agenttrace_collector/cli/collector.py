"""`agenttrace collector`: run the collector, empty its journal, check its configuration."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated, Final

import typer

from agenttrace_collector.cli.options import (
    AWAY,
    MISUSED,
    ConfigFiles,
    Overrides,
    exit_code,
    fail,
    failed,
    loaded,
    source,
)
from agenttrace_collector.config import Config, ConfigError, build_policy
from agenttrace_collector.config.site_key import site_key
from agenttrace_collector.errors import CollectorError
from agenttrace_collector.server.auth import read_tokens

_log: Final = logging.getLogger(__name__)
app = typer.Typer(
    no_args_is_help=True, help="Run the collector, empty its journal, or check its configuration."
)


@app.command()
def run(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Receive, enforce, keep and deliver until SIGTERM; SIGHUP reloads tokens and thresholds."""
    # The service brings every library along; a wrong configuration should be told at once.
    chosen = source(config, set_)
    settings = loaded(chosen)
    from agenttrace_collector.telemetry.logging import log_uncaught_exceptions, set_up_logs  # noqa: PLC0415 - as above
    from agenttrace_collector.telemetry.native_output import capture_native_output  # noqa: PLC0415 - as above

    logs = settings.service.telemetry.logs
    is_json = logs.encoding == "json"
    set_up_logs(logs, capture_native_output() if is_json else None)
    log_uncaught_exceptions()
    from agenttrace_collector.journal import JournalDamaged, JournalInUse  # noqa: PLC0415 - as above
    from agenttrace_collector.service import Service  # noqa: PLC0415 - as above

    try:
        with _own_telemetry(settings):
            asyncio.run(Service(settings, chosen).run())
    except (ConfigError, CollectorError, OSError, JournalInUse, JournalDamaged) as error:
        if is_json:
            # The text of a failure is ours; as plain text it would not be shown.
            _log.critical("the collector ends: %s", error)
            raise typer.Exit(exit_code(error)) from None
        failed("collector", error)


def _own_telemetry(settings: Config) -> AbstractContextManager[None]:
    """Sends the collector's own spans and log records where they are asked for; else nothing is imported for it."""
    telemetry = settings.service.telemetry
    if not (telemetry.traces.otlp or telemetry.logs.otlp):
        return nullcontext()
    from agenttrace_collector.forward.own_telemetry import recorded  # noqa: PLC0415 - as in `run`

    return recorded(telemetry)


@app.command()
def drain(
    within: Annotated[float, typer.Option(help="Seconds after which it ends with rows left.")] = 600.0,
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """Deliver what the journal of a stopped collector holds, then end; exit code 69 if rows are left."""
    settings = loaded(source(config, set_))
    from agenttrace_collector.clickhouse.database import open_writer  # noqa: PLC0415 - as in `run`
    from agenttrace_collector.journal import JournalDamaged, JournalInUse  # noqa: PLC0415 - as in `run`
    from agenttrace_collector.storage import drain as drained  # noqa: PLC0415 - as in `run`

    try:
        policy = build_policy(settings.processors.enforce, site_key(settings))
        left = asyncio.run(drained(settings, open_writer(settings, policy), within))
    except (ConfigError, CollectorError, OSError, JournalInUse, JournalDamaged) as error:
        failed("collector", error)
    if left:
        fail(f"agenttrace collector: {left} rows are left in the journal", code=AWAY)
    typer.echo("the journal is empty")


@app.command()
def discard(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: the rows are gone.")] = False,  # noqa: FBT002
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """Give up the rows that a stopped collector has set aside since tighter rules refuse them; a rejection stands for each."""
    settings = loaded(source(config, set_))
    from agenttrace_collector.journal import JournalDamaged, JournalInUse  # noqa: PLC0415 - as in `run`
    from agenttrace_collector.storage import discard as discarded  # noqa: PLC0415 - as in `run`

    if not yes:
        typer.confirm("Rows that are set aside are deleted from the journal. Go on?", abort=True)
    try:
        rows = discarded(settings)
    except (ConfigError, OSError, JournalInUse, JournalDamaged) as error:
        failed("collector", error)
    typer.echo(f"{rows} rows are given up; their rejections are delivered by the next start")


@app.command()
def validate(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Check the configuration: every problem at once, each with its line."""
    settings = loaded(source(config, set_))
    try:
        build_policy(settings.processors.enforce)
        if settings.extensions.auth.tokens_file:
            read_tokens(settings.extensions.auth.tokens_file)
    except ConfigError as error:
        fail(str(error), code=MISUSED)
    typer.echo("valid")
