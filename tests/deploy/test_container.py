"""The image's steps make a collector that runs as nobody; the compose file is valid and fits it."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.config import Config, Source
from tests.architecture.source import ROOT
from tests.deploy.image import Image, build, ended
from tests.support.clickhouse_server import clickhouse_server
from tests.support.collector import Collector, free_ports, wait_until_ready
from tests.support.database import engine
from tests.support.on_server import SPANS, delivered, send, stored
from tests.support.receivers import wait_until

FOLDER = ROOT / "deploy" / "container"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
LISTENERS = {
    "grpc": "receivers.otlp.protocols.grpc.endpoint",
    "http": "receivers.otlp.protocols.http.endpoint",
    "api": "extensions.api.endpoint",
    "health": "extensions.health_check.endpoint",
    "metrics": "service.telemetry.metrics.address",
}


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The collector's image, in a directory that its user may look into."""
    with tempfile.TemporaryDirectory(prefix="agenttrace-image-") as name:
        Path(name).chmod(0o755)
        yield build(Path(name))


@pytest.mark.slow
@pytest.mark.long
def test_the_image_runs(image: Image, tmp_path: Path) -> None:
    """Migrated and started as compose does, it stores what is sent, and writes to its volume only."""
    ports = dict(zip(LISTENERS, free_ports(len(LISTENERS)), strict=True))
    moved = [part for name, key in LISTENERS.items() for part in ("--set", f"{key}=127.0.0.1:{ports[name]}")]
    before = image.files()
    with clickhouse_server() as server:
        variables = {"AGENTTRACE_CLICKHOUSE": server.endpoint, "TMPDIR": tempfile.gettempdir()}
        database = ["--set", "exporters.clickhouse.database=image"]
        migrated = image.start(
            [*COMPOSE["services"]["migrate"]["command"], *database], tmp_path / "log", **variables
        )
        assert migrated.wait(60) == 0, (tmp_path / "log").read_text()
        with ended(
            image.start([*image.command, *database, *moved], tmp_path / "collector.log", **variables)
        ) as process:
            collector = Collector(tmp_path, {}, ports, process)
            wait_until_ready(collector)
            asked = [part.replace("13133", str(ports["health"])) for part in image.health]
            assert subprocess.run(asked, env=image.variables, check=False).returncode == 0
            assert send(collector, range(3)) == 3 * SPANS
            wait_until(lambda: delivered(collector))
            assert stored(ClickHouse(engine(), "image")) == 3 * SPANS
            assert collector.stop() == 0
    assert image.files() == before


def config() -> Config:
    """Of the container."""
    return Source((FOLDER / "collector.yaml",), ()).load()


def test_the_image_shows_what_the_configuration_listens_on() -> None:
    """Every port, and the one that is asked for its health."""
    settings = config()
    listening = {
        settings.receivers.otlp.protocols.grpc.endpoint,
        settings.receivers.otlp.protocols.http.endpoint,
        settings.extensions.api.endpoint,
        settings.extensions.health_check.endpoint,
        settings.service.telemetry.metrics.address,
    }
    (exposed,) = re.findall(r"^EXPOSE (.*)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert listening == {f"0.0.0.0:{port}" for port in exposed.split()}


@pytest.mark.parametrize("name", ["collector", "embedded", "build"])
def test_requirements_are_pinned_by_hash(name: str) -> None:
    """As deploy/constraints.txt has them, and no word about where they come from."""
    lines = (FOLDER / f"requirements-{name}.txt").read_text().replace("\\\n", "").splitlines()
    constraints = (ROOT / "deploy" / "constraints.txt").read_text()
    pins = {line.split(" ")[0] for line in lines}
    assert [line for line in lines if "--hash=sha256:" not in line or "//" in line] == []
    assert [pin for pin in pins if not re.search(rf"^{re.escape(pin)}( |$)", constraints, re.MULTILINE)] == []


def test_other_containers_reach_the_collector_by_an_allowed_name() -> None:
    """Prometheus by the name of its target, which is that of the service."""
    scraped = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"][0]
    hosts = {target.partition(":")[0] for target in scraped["static_configs"][0]["targets"]}
    assert hosts == set(config().extensions.auth.allowed_hosts) == {"collector"}
    assert "collector" in COMPOSE["services"]


def test_compose_is_valid() -> None:
    """By the specification's schema."""
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.Draft7Validator(json.loads(schema.read_text())).validate(COMPOSE)


def test_compose_names_what_is_there() -> None:
    """Every file that is mounted, every service that is waited for, every variable of the example."""
    for service in COMPOSE["services"].values():
        mounted = [each.split(":")[0] for each in service.get("volumes", [])]
        for place in mounted:
            assert place in COMPOSE["volumes"] or (FOLDER / place).exists(), place
        assert service.get("depends_on", {}).keys() <= COMPOSE["services"].keys()
    required = set(re.findall(r"\$\{(\w+):\?", (FOLDER / "compose.yaml").read_text()))
    assert required <= set(re.findall(r"^(\w+)=", (FOLDER / "example.env").read_text(), re.MULTILINE))


def test_compose_shows_nothing_beyond_this_machine() -> None:
    """Every port is published on loopback."""
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", ["migrate", "collector"])
def test_our_containers_have_no_rights(name: str) -> None:
    """A root file system that is read only, no capability, nothing gained."""
    service: dict[str, Any] = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_variables_of_provisioning_are_given() -> None:
    """Grafana's data sources ask for what compose sets."""
    wanted = re.findall(
        r"\$\{(\w+)\}", (ROOT / "deploy/grafana/provisioning/datasources/agenttrace.yaml").read_text()
    )
    assert set(wanted) <= COMPOSE["services"]["grafana"]["environment"].keys()


def test_system_logs_are_kept_for_days() -> None:
    """ClickHouse's own logs have an end, or are off."""
    logs = yaml.safe_load((FOLDER / "clickhouse" / "system-logs.yaml").read_text())
    assert {tuple(each) for each in logs.values()} == {("ttl",), ("@remove",)}
