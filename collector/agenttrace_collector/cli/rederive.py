"""`agenttrace rederive`: settle the runs of a range of time again, under the rules of this version."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from agenttrace_collector.cli.options import ConfigFiles, Overrides, failed, loaded, source
from agenttrace_collector.clickhouse.database import open_database
from agenttrace_collector.config import Config, ConfigError, build_policy
from agenttrace_collector.config.site_key import site_key
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler

_OWNED: Final = (
    "the database cannot be opened; an embedded one (chdb://) that a collector has open can be"
    " settled again when that collector is stopped"
)
_SECOND: Final = 10**9
_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def rederive(
    since: Annotated[datetime, typer.Option(formats=_FORMATS, help="UTC; runs with steps from then on.")],
    until: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="UTC; by default until now.")
    ] = None,
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """Settle the runs of a range of time again; what is recorded stays as it is."""
    settings = loaded(source(config, set_))
    started = time.monotonic()
    try:
        count = _settle(settings, _nanoseconds(since), _nanoseconds(until) if until else time.time_ns())
    except (Rejected, ConfigError) as error:
        failed("rederive", error)
    except Unavailable as error:
        failed("rederive", error, _OWNED)
    typer.echo(f"settled {count} runs in {time.monotonic() - started:.1f} s")


def _settle(config: Config, since: int, until: int) -> int:
    with closing(open_database(config.exporters.clickhouse)) as database:
        store = SettlingStore(database)
        settler = Settler(store, build_policy(config.processors.enforce, site_key(config)), config)
        settler.settle(store.in_range(since, until))
        return settler.settled


def _nanoseconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp()) * _SECOND
