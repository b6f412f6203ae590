"""A schema that an operator runs by hand, statement by statement, and a collector that starts on it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_schemas.migrations import Profile, migrations
from tests.support.collector import running_collector
from tests.support.commands import agenttrace
from tests.support.engines import DATABASE, running_cluster, running_engine, write_config
from tests.support.on_server import SPANS, send
from tests.support.receivers import wait_until


def engine_for(profile: Profile, directory: Path) -> AbstractContextManager[str]:
    """An engine of two shards for a cluster."""
    return (
        running_cluster(directory)
        if profile == "cluster"
        else running_engine(directory, write_config(directory, {}))
    )


@pytest.mark.long
@pytest.mark.parametrize("profile", ["server", "cluster"])
def test_a_collector_starts_on_a_rendered_schema(tmp_path: Path, profile: Profile) -> None:
    """It takes and settles; `status` and `up` find nothing that is missing."""
    rendered = agenttrace("migrate", "render", "--profile", profile)
    assert rendered.returncode == 0, rendered.stderr
    with engine_for(profile, tmp_path) as endpoint:
        ClickHouse(endpoint, DATABASE).create_database()
        by_hand = ClickHouse(endpoint, DATABASE)
        for statement in filter(str.strip, rendered.stdout.split(";\n")):
            by_hand.command(statement)
        settings = {"exporters.clickhouse.endpoint": endpoint, "exporters.clickhouse.database": DATABASE}
        where = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        status = agenttrace("migrate", "status", *where).stdout.splitlines()
        assert [line.split() for line in status] == [
            [f"{each.version:04d}", "applied", each.name] for each in migrations()
        ]
        assert agenttrace("migrate", "up", *where).stdout == "nothing to apply\n"
        named = {key.replace(".", "__"): value for key, value in settings.items()}
        with running_collector(tmp_path, derive__quiet="100ms", **named) as collector:
            assert send(collector, range(4)) == 4 * SPANS
            wait_until(lambda: by_hand.query("SELECT countIf(settled) FROM steps") == [(4 * SPANS,)], 60.0)
