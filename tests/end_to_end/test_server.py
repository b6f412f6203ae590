"""The shipped collector on a ClickHouse server: over HTTP and TLS, several hosts, faults; the engine is real."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest
import trustme

from agenttrace_collector.clickhouse.client import ClickHouse
from tests.support.clickhouse_server import Fault, Server, clickhouse_server
from tests.support.collector import Collector
from tests.support.on_server import collecting, delivered, migrate_up, new_database, send, stored
from tests.support.receivers import wait_until

pytestmark = pytest.mark.long


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of plain HTTP."""
    with clickhouse_server() as listening:
        yield listening


def test_rows_go_packed_with_a_token_and_no_session(server: Server, tmp_path: Path) -> None:
    """Migrated by the command over the same wire."""
    with collecting(tmp_path, server.endpoint) as (collector, database):
        sent = send(collector, range(3))
        wait_until(lambda: stored(database) == sent, 20)
    inserts = [each for each in server.asked if "insert_deduplication_token" in each]
    assert server.packed <= {"lz4", "zstd"}
    assert server.packed
    assert all(each["async_insert"] == "0" and "session_id" not in each for each in inserts)
    assert all(each["distributed_foreground_insert"] == "1" for each in inserts)


def test_a_collector_may_start_before_the_schema_is_there(server: Server, tmp_path: Path) -> None:
    """Rows wait in the journal, and the API is ready when they go; an engine that is too old would end it."""
    name = "not_yet_made"
    with collecting(tmp_path, server.endpoint, name) as (collector, database):
        sent = send(collector, range(2))
        assert not answers(collector, "/ready/api")
        migrate_up(server.endpoint, name)
        wait_until(lambda: delivered(collector) and answers(collector, "/ready/api"), 60)
        assert stored(database) == sent
    assert (
        collector.log().count("the database lacks runs_steps_failures") == 2
    )  # of the rows that wait, of the API
    assert "runs are not settled" not in collector.log()


def test_the_journal_of_a_stopped_collector_is_drained(server: Server, tmp_path: Path) -> None:
    """As before a replica's volume is deleted: with the database away rows are left, and then none."""
    name = new_database(server.endpoint)
    with collecting(tmp_path, server.endpoint, name, service__drain_timeout="1s") as (collector, database):
        server.away = True
        sent = send(collector, range(2))
    drain = [sys.executable, "-m", "agenttrace_collector.cli", "collector", "drain", "--within"]
    settings = [part for key, value in collector.settings.items() for part in ("--set", f"{key}={value}")]
    for within, away, code in (("1", True, 69), ("60", False, 0)):
        server.away = away
        done = subprocess.run([*drain, within, *settings], capture_output=True, text=True, check=False)
        assert (done.returncode, "rows are left" in done.stderr) == (code, away)
    assert stored(database) == sent


def answers(collector: Collector, path: str) -> bool:
    """Whether the health endpoint answers 200 there."""
    with suppress(HTTPError):
        return bool(collector.get("health", path))
    return False


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Collector, ClickHouse]]:
    """A server, and a collector that gives up on an answer after a second."""
    with clickhouse_server() as listening:
        endpoint = f"{listening.endpoint}?send_receive_timeout=1"
        with collecting(tmp_path_factory.mktemp("impatient"), endpoint) as (collector, database):
            yield listening, collector, database


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_loses_and_doubles_nothing(
    impatient: tuple[Server, Collector, ClickHouse], fault: Fault
) -> None:
    """Each block goes again under its token, whether or not it was applied."""
    faulty, collector, database = impatient
    before = stored(database)
    faulty.faults.extend([fault] * 3)
    sent = send(collector, range(3))
    wait_until(lambda: not faulty.faults and delivered(collector), 60)
    assert stored(database) == before + sent
    assert "CANARY" not in collector.log()


def test_rows_wait_for_a_server_that_is_away_from_the_start(server: Server, tmp_path: Path) -> None:
    """Requests are acknowledged from the journal; rows go when it is there."""
    name = new_database(server.endpoint)
    server.away = True
    with collecting(tmp_path, server.endpoint, name) as (collector, database):
        sent = send(collector, range(2))
        assert not delivered(collector)
        server.away = False
        wait_until(lambda: stored(database) == sent, 60)


def test_a_wrong_password_keeps_rows_and_is_not_logged(server: Server, tmp_path: Path) -> None:
    """They go when the server takes the password."""
    server.password = "hunter2"
    known = server.endpoint.replace("//", "//writer:hunter2@")
    with collecting(tmp_path, known) as (collector, database):
        server.password = "another"
        sent = send(collector, range(2))
        wait_until(lambda: '"delivery_error":"516"' in collector.get("health"), 20)
        server.password = "hunter2"
        wait_until(lambda: stored(database) == sent, 60)
        assert "hunter2" not in collector.log()


def test_the_next_host_takes_over(server: Server, tmp_path: Path) -> None:
    """And the first one again when the second is gone."""
    with clickhouse_server() as second:
        hosts = f"http://127.0.0.1:{server.port},127.0.0.1:{second.port}"
        with collecting(tmp_path, hosts) as (collector, database):
            sent = 0
            for place, (here, there) in enumerate(((server, second), (second, server), (server, second))):
                here.away, there.away = False, True
                sent += send(collector, [place])
                wait_until(lambda: stored(database) == sent, 60)  # noqa: B023 - waited for in this round
        assert any("insert_deduplication_token" in each for each in second.asked)


def test_a_server_is_known_by_its_authority(tmp_path: Path) -> None:
    """TLS with an authority of one's own; without it no row goes, and none is lost."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with clickhouse_server(context) as secure:
        trusting = f"https://127.0.0.1:{secure.port}?ca_cert={tmp_path / 'ca.pem'}"
        with collecting(tmp_path, trusting) as (collector, database):
            sent = send(collector, range(2))
            wait_until(lambda: stored(database) == sent, 20)
        stranger = ClickHouse(f"https://127.0.0.1:{secure.port}", "default")
        with pytest.raises(Exception, match="not available"):
            stranger.query("SELECT 1")
