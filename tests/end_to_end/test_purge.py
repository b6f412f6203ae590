"""`agenttrace purge` against a real collector: running, stopped, and with rows that wait in its journal."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.support.api import Api, tokens_file
from tests.support.collector import Collector, running_collector, start_collector, wait_until_ready
from tests.support.commands import agenttrace
from tests.support.load import EXPORT
from tests.support.reference import reference_request

SPANS = 32


def purge(collector: Collector, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command with the collector's configuration."""
    overrides = [part for key, value in collector.settings.items() for part in ("--set", f"{key}={value}")]
    environment = {**os.environ, "AGENTTRACE_TOKEN": token}
    return agenttrace("purge", *arguments, *overrides, environment=environment)


def send(collector: Collector, seed: int, token: str = "") -> None:
    """Send one request."""
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    with grpc.insecure_channel(collector.grpc) as channel:
        body = reference_request(seed, time.time_ns(), SPANS)
        channel.unary_unary(EXPORT, None, None)(body, timeout=30, metadata=metadata)


def agents(api: Api) -> set[str]:
    """The agents that have rows."""
    return {each["agent_id"] for each in api.found("/v1/agents")["agents"]}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One with tokens, that settles at once."""
    directory = tmp_path_factory.mktemp("purge")
    tokens = str(tokens_file(directory))
    with running_collector(directory, extensions__auth__tokens_file=tokens, derive__quiet="500ms") as running:
        yield running


def test_a_running_collector_erases_what_waits_in_its_journal_too(collector: Collector) -> None:
    """The count comes first, the rows are gone from every answer after it, another tenant's stay."""
    for tenant in ("acme", "initech"):
        send(collector, 1, f"{tenant}-ingest")
    acme, initech = Api(collector, "acme-read"), Api(collector, "initech-read")
    (agent,) = acme.eventually(lambda body: body["total"], "/v1/agents")["agents"]
    initech.eventually(lambda body: body["total"], "/v1/agents")
    done = purge(collector, "--agent", agent["agent_id"], "--yes", token="acme-operator")
    assert done.returncode == 0, done.stderr
    assert "agent_steps" in done.stdout
    assert "erased" in done.stdout
    assert agents(acme) == set()
    assert agents(initech) == {agent["agent_id"]}
    again = purge(collector, "--agent", agent["agent_id"], "--yes", token="acme-operator")
    assert "nothing is stored of it" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "token", "told"),
    [
        (["--agent", "x"], "acme-read", "does not allow the role operator"),
        (["--agent", "x"], "nobody", "a valid bearer token is required"),
        (["--run", "what the user said"], "acme-operator", "run: must be a UUID"),
        (["--run", "x", "--agent", "y"], "acme-operator", "exactly one of"),
        ([], "acme-operator", "exactly one of"),
    ],
)
def test_who_may_not_or_asks_wrongly_is_told(
    collector: Collector, arguments: list[str], token: str, told: str
) -> None:
    """Nothing of what was given is repeated, and nothing is erased."""
    done = purge(collector, *arguments, "--yes", token=token)
    assert done.returncode != 0
    assert told in done.stderr
    assert "user said" not in done.stderr + done.stdout


@pytest.mark.long
def test_without_a_collector_the_journal_is_delivered_and_the_rows_erased(tmp_path: Path) -> None:
    """Rows of a collector that was killed before it delivered them do not come back at the next start."""
    later = {"exporters.clickhouse.block_age": "600s", "exporters.clickhouse.insert_share": "0.00001"}
    running = start_collector(tmp_path, later)
    wait_until_ready(running)
    send(running, 2)
    running.kill()
    asked = purge(running, "--before", "2100-01-01")
    assert "agent_steps" in asked.stdout
    assert asked.returncode == 1, "without an answer nothing is erased"
    done = purge(running, "--before", "2100-01-01", "--yes")
    assert done.returncode == 0, done.stderr
    with running_collector(tmp_path) as fresh:
        assert agents(Api(fresh)) == set()
