"""An operator's drill: what is lost, delayed or refused, whose and why, until when, which runs; told by `doctor`."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from uuid import UUID

import grpc
import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from tests.support.api import tokens_file
from tests.support.clickhouse_server import clickhouse_server
from tests.support.collector import Collector
from tests.support.database import engine
from tests.support.disk import COLLECTORS_DISK_MIB, REFUSALS, fill_collector, small_disk
from tests.support.http import counted
from tests.support.on_server import collecting, new_database, send, stored
from tests.support.receivers import wait_until

SENDER = "acme-ingest"
ASIDE = UUID(int=7)
# A run that could not be settled and is tried again in an hour, as the marks of a collector have it.
SET_ASIDE = f"""
INSERT INTO run_marks
SELECT now64(9) + 3600 AS marked_at, 'acme', toUUID('{ASIDE}'), now64(9), now64(9), 0
"""


def doctor(collector: Collector) -> str:
    """What `agenttrace doctor` prints of a collector."""
    command = [sys.executable, "-m", "agenttrace_collector.cli", "doctor"]
    settings = [part for key, value in collector.settings.items() for part in ("--set", f"{key}={value}")]
    done = subprocess.run([*command, *settings], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def post_too_much(collector: Collector) -> None:
    """Send a body of 2 MiB, with a good token."""
    headers = {"content-type": "application/x-protobuf", "authorization": f"Bearer {SENDER}"}
    request = urllib.request.Request(collector.url("http", "/v1/traces"), bytes(2 * 2**20), headers)  # noqa: S310
    urllib.request.urlopen(request, timeout=30)  # noqa: S310 - loopback


def test_the_doctor_answers_an_operator(tmp_path: Path) -> None:
    """The database away, wrong tokens, a body that is too large, a run that cannot be settled."""
    settings = {
        "extensions__auth__tokens_file": str(tokens_file(tmp_path)),
        "receivers__otlp__protocols__http__max_recv_msg_size_mib": "1",
        "service__drain_timeout": "1s",
    }
    with clickhouse_server() as server:
        name = new_database(server.endpoint)
        ClickHouse(engine(), name).command(SET_ASIDE)
        with collecting(tmp_path, server.endpoint, name, **settings) as (collector, database):
            wait_until(lambda: counted(collector, "agenttrace_set_aside_runs") == 1, 60)
            server.away = True
            sent = send(collector, range(4), token=SENDER)
            with pytest.raises(grpc.RpcError):
                send(collector, range(1), token="nobody")
            with pytest.raises(urllib.error.HTTPError):
                post_too_much(collector)
            wait_until(lambda: counted(collector, "agenttrace_journal_oldest_seconds") > 10, 120)
            told = doctor(collector)
            server.away = False
            wait_until(lambda: stored(database) == sent, 120)
            wait_until(lambda: counted(collector, "agenttrace_journal_rows") == 0, 60)
            after = doctor(collector)
    assert "Rows wait in the journal because the database does not take them; they are safe" in told
    assert "At the present rate the journal is full in" in told
    assert all(re.search(rf"{reason} \S* +1\n", told) for reason in ("unauthorized", "too_large"))
    assert f"1 runs cannot be settled and are tried again later; the log says why: {ASIDE}." in told
    assert "Rows wait in the journal" not in after
    assert "full in" not in after


def test_the_doctor_answers_when_the_disk_is_full(tmp_path: Path) -> None:
    """Filled while the database is away: who is refused and why, what waits, until when; nothing of it is lost."""
    with (
        small_disk(tmp_path / "disk", COLLECTORS_DISK_MIB) as disk,
        clickhouse_server() as server,
    ):
        settings = {"journal__directory": str(disk / "journal"), "service__drain_timeout": "1s"}
        with collecting(tmp_path, server.endpoint, **settings) as (collector, database):
            server.away = True
            sent = fill_collector(collector, itertools.count())
            wait_until(lambda: counted(collector, "agenttrace_journal_oldest_seconds") > 10, 120)
            waiting, told = counted(collector, "agenttrace_journal_rows"), doctor(collector)
            server.away = False
            wait_until(lambda: stored(database) == sent, 120)
            wait_until(lambda: counted(collector, "agenttrace_journal_rows") == 0, 60)
            after = doctor(collector)
    refused = re.search(r"disk_full (\S+) +(\d+)\n", told)
    assert refused
    assert refused.groups() == ("support-agent", str(REFUSALS))
    assert re.search(r"The collector refuses requests: the disk is (nearly )?full\.", told)
    assert "Rows wait in the journal because the database does not take them; they are safe" in told
    assert re.search(rf"rows +{waiting:,.0f}\n", told)
    assert re.search(r"At the present rate the journal is full in \d+ \w+;", told)
    assert "The collector refuses requests" not in after
    assert "full in" not in after
