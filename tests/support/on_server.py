"""The shipped collector on a ClickHouse server that a test runs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from agenttrace_collector.clickhouse.client import ClickHouse
from tests.support.collector import Collector, running_collector
from tests.support.commands import agenttrace
from tests.support.database import engine
from tests.support.load import EXPORT
from tests.support.reference import reference_request

SPANS = 16
_DATABASES = itertools.count()


def new_database(endpoint: str) -> str:
    """The name of a database that was made by `agenttrace migrate` over this endpoint."""
    name = f"server_{next(_DATABASES)}"
    migrate_up(endpoint, name)
    return name


def migrate_up(endpoint: str, name: str) -> None:
    """Run `agenttrace migrate up` for a database over this endpoint."""
    chosen = {"exporters.clickhouse.endpoint": endpoint, "exporters.clickhouse.database": name}
    overrides = [part for key, value in chosen.items() for part in ("--set", f"{key}={value}")]
    done = agenttrace("migrate", "up", *overrides)
    assert done.returncode == 0, done.stderr


@contextmanager
def collecting(
    directory: Path, endpoint: str, database: str = "", **settings: str
) -> Iterator[tuple[Collector, ClickHouse]]:
    """A collector on a database of this server, by default a new one, and the same without the server."""
    name = database or new_database(endpoint)
    chosen = {"exporters__clickhouse__endpoint": endpoint, "exporters__clickhouse__database": name}
    # The server's threads open the engine, too; two at once would open two.
    served = engine()
    with running_collector(directory, **chosen, **settings) as running:
        yield running, ClickHouse(served, name)


def send(
    collector: Collector, seeds: Iterable[int], spans: int = SPANS, token: str = "", now: int = 0
) -> int:
    """Send a request of so many spans for each seed, of a moment (ns) or of now; how many that were."""
    sent = 0
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    with grpc.insecure_channel(collector.grpc) as channel:
        export = channel.unary_unary(EXPORT, None, None)
        for seed in seeds:
            export(reference_request(seed, now or time.time_ns(), spans), timeout=30, metadata=metadata)
            sent += spans
    return sent


def stored(database: ClickHouse) -> int:
    """Rows of steps as they lie there, doubled ones too: nothing is merged while a test lasts."""
    ((rows,),) = database.query("SELECT count() FROM agent_steps")
    return int(rows)


def delivered(collector: Collector) -> bool:
    """Whether the journal is empty."""
    return '"rows":0' in collector.get("health").replace(" ", "")
