"""`agenttrace purge`: erase a run, an agent, a conversation or the time before, after saying how much that is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

import typer

from agenttrace_collector.cli import client
from agenttrace_collector.cli.options import MISUSED, ConfigFiles, Overrides, fail, failed, loaded, source
from agenttrace_collector.config import Config, ConfigError, build_policy
from agenttrace_collector.config.site_key import site_key
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_schemas import wire

_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
# A mutation of a large table takes its time.
_SECONDS: Final = 3600.0
_FAR: Final = "the database cannot be opened; is another process at work in it that does not answer at {}?"
_Choice: TypeAlias = Mapping[str, str]
_Purge: TypeAlias = Callable[[bool], Awaitable[Mapping[str, int]]]


def purge(  # noqa: PLR0917 - the command's options
    run: Annotated[str | None, typer.Option(help="A run, by its id.")] = None,
    agent: Annotated[str | None, typer.Option(help="Everything that an agent sent.")] = None,
    conversation: Annotated[
        str | None, typer.Option(help="The runs of a conversation, by its own id.")
    ] = None,
    before: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="UTC; rows whose own time is before it.")
    ] = None,
    tenant: Annotated[
        str, typer.Option(help="Where no collector runs; else the tenant is that of AGENTTRACE_TOKEN.")
    ] = wire.DEFAULT_TENANT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """Erase what is stored of a run, an agent, a conversation or the time before; counts first, then asks.

    A collector that runs does it itself, what waits in its journal included; of several collectors each has
    to be asked (AGENTTRACE_API). Where none runs, the journal is delivered and the database opened here.
    """
    when = before.replace(tzinfo=UTC).isoformat() if before else None
    named = {"run": run, "agent": agent, "conversation": conversation, "before": when}
    choice = {name: value for name, value in named.items() if value}
    if len(choice) != 1:
        fail("agenttrace purge: give exactly one of --run, --agent, --conversation, --before", code=MISUSED)
    settings = loaded(source(config, set_))
    address = os.environ.get(client.ADDRESS) or _address(settings)
    try:
        if address and client.answers(address):
            asyncio.run(_carry_out(_remotely(address, choice), yes=yes))
        else:
            asyncio.run(_directly(settings, choice, tenant, yes=yes))
    except (Rejected, ConfigError) as error:
        failed("purge", error)
    except Unavailable as error:
        failed("purge", error, _FAR.format(address))


async def _carry_out(erasure: _Purge, *, yes: bool) -> None:
    """Count, ask, erase."""
    rows = await erasure(False)  # noqa: FBT003 - counting
    for table, count in sorted(rows.items()):
        typer.echo(f"  {table:<24} {count:>12,}")
    if not rows:
        typer.echo("nothing is stored of it")
        return
    if not yes:
        typer.confirm(f"Erase these {sum(rows.values()):,} rows for good?", abort=True)
    erased = await erasure(True)  # noqa: FBT003 - erasing
    typer.echo(
        f"erased {sum(erased.values()):,} rows; ClickHouse removes the files that held them in minutes"
    )


async def _directly(settings: Config, choice: _Choice, tenant: str, *, yes: bool) -> None:
    """Open what a collector would: its journal is delivered before anything is counted."""
    from agenttrace_collector.api.routes.purge import Purge  # noqa: PLC0415 - the API's libraries load here only
    from agenttrace_collector.clickhouse.database import open_writer  # noqa: PLC0415 - as above
    from agenttrace_collector.clickhouse.purge_client import opened_erasure  # noqa: PLC0415 - as above
    from agenttrace_collector.server.shutdown import Shutdown  # noqa: PLC0415 - as above
    from agenttrace_collector.storage import opened_storage  # noqa: PLC0415 - as above

    policy = build_policy(settings.processors.enforce, site_key(settings))
    lifetime = Shutdown(settings.service.drain_timeout)
    try:
        subject = Purge.model_validate(choice).subject(policy, tenant)
    except ValueError:
        fail("agenttrace purge: a run must be a UUID, a name must have at most 128 characters", code=MISUSED)
    async with (
        opened_storage(settings, open_writer(settings, policy), lifetime) as storage,
        opened_erasure(settings.exporters.clickhouse, storage.flush, storage.set_aside) as erasure,
    ):
        if erasure is None:
            fail("agenttrace purge: this collector stores no rows (exporters.clickhouse.endpoint)")
        try:
            await _carry_out(lambda erase: erasure(subject, erase=erase), yes=yes)
        finally:
            lifetime.end()


def _remotely(address: str, choice: _Choice) -> _Purge:
    async def ask(erase: bool) -> Mapping[str, int]:  # noqa: FBT001 - as `_Purge`
        rows: Mapping[str, int] = client.post(address, "/v1/purge", {**choice, "erase": erase}, _SECONDS)[
            "rows"
        ]
        return rows

    return ask


def _address(settings: Config) -> str:
    api = settings.extensions.api
    return f"{'https' if api.tls else 'http'}://{api.endpoint}" if api.endpoint else ""
