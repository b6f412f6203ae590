"""The manifests are valid, fit each other, and hold a configuration that the collector takes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from agenttrace_collector.config import Config, Source
from agenttrace_collector.server.auth import read_tokens
from agenttrace_collector.server.browsers import BrowserRules
from agenttrace_collector.telemetry.metrics import METRICS
from tests.architecture.source import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = "1.37"


@cache
def manifests() -> list[dict[str, Any]]:
    """Every document of every file."""
    files = sorted(FOLDER.glob("*.yaml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def named(kind: str, name: str = "agenttrace") -> dict[str, Any]:
    """One of them."""
    (found,) = [each for each in manifests() if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def pods() -> list[dict[str, Any]]:
    """What the collectors and the migration run as."""
    return [
        named(kind, name)["spec"]["template"]["spec"]
        for kind, name in (
            ("StatefulSet", "agenttrace"),
            ("Job", "agenttrace-migrate"),
            ("Job", "agenttrace-drain"),
        )
    ]


# Its schema comes with the operator of Prometheus.
FOREIGN = {"ServiceMonitor"}


@pytest.mark.parametrize(
    "manifest",
    [each for each in manifests() if each["kind"] not in FOREIGN],
    ids=lambda each: f"{each['kind']}-{each['metadata']['name']}",
)
def test_each_is_valid(manifest: dict[str, Any]) -> None:
    """By the schema of its kind, unknown keys refused."""
    kubernetes_validate.validate(manifest, VERSION, strict=True)


def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """What the collector makes of the ConfigMap and the Secrets."""
    for name, value in named("Secret")["stringData"].items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "collector.yaml"
    file.write_text(named("ConfigMap")["data"]["collector.yaml"])
    return Source((file,), ()).load()


def test_other_pods_reach_the_collector_by_an_allowed_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Service's, short and in full."""
    name = named("Service")["metadata"]["name"]
    rules = BrowserRules(lambda: True, config(tmp_path, monkeypatch).extensions.auth.allowed_hosts)
    for host in (name, f"{name}.some-namespace.svc", f"{name}.some-namespace.svc.cluster.local"):
        assert rules.allows_host(f"{host}:8400"), host


def test_the_configuration_fits_the_pods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports, the journal's volume, memory and the time for a stop are those of the StatefulSet."""
    settings = config(tmp_path, monkeypatch)
    (container,) = pods()[0]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    listening = {
        "otlp-grpc": settings.receivers.otlp.protocols.grpc.endpoint,
        "otlp-http": settings.receivers.otlp.protocols.http.endpoint,
        "api": settings.extensions.api.endpoint,
        "metrics": settings.service.telemetry.metrics.address,
        "health": settings.extensions.health_check.endpoint,
    }
    assert {name: f"0.0.0.0:{port}" for name, port in ports.items()} == listening
    mounts = {each["name"]: Path(each["mountPath"]) for each in container["volumeMounts"]}
    assert mounts["journal"] in settings.journal.directory.parents
    assert settings.journal.max_size_mib < 10 * 1024
    assert container["resources"]["limits"]["memory"] == "1Gi"
    assert settings.processors.memory_limiter.limit_mib < 1024
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pods()[0]["terminationGracePeriodSeconds"] > before + settings.service.drain_timeout


def test_services_lead_to_ports_of_the_pods() -> None:
    """By name; the same holds of probes and of the network policy."""
    (container,) = pods()[0]["containers"]
    ports = {each["name"] for each in container["ports"]}
    services = [each for each in manifests() if each["kind"] == "Service"]
    wanted = {port["targetPort"] for service in services for port in service["spec"]["ports"]}
    wanted |= {container[f"{kind}Probe"]["httpGet"]["port"] for kind in ("readiness", "liveness", "startup")}
    policy = named("NetworkPolicy")["spec"]["ingress"]
    wanted |= {port["port"] for rule in policy for port in rule["ports"]}
    assert wanted == ports


def test_collectors_are_scaled_out_by_a_metric_of_theirs_and_never_in() -> None:
    """A journal that holds rows would stay behind."""
    scaler = named("HorizontalPodAutoscaler")["spec"]
    workload = named("StatefulSet")
    assert scaler["scaleTargetRef"]["name"] == workload["metadata"]["name"]
    assert scaler["metrics"][0]["pods"]["metric"]["name"] in METRICS
    assert scaler["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
    assert scaler["minReplicas"] == workload["spec"]["replicas"]


def test_metrics_are_scraped_by_port_and_label_of_a_service() -> None:
    """Of the one that names each collector."""
    monitor, service = named("ServiceMonitor")["spec"], named("Service", "agenttrace-collectors")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["endpoints"]} == {
        each["name"] for each in service["spec"]["ports"]
    }


def test_a_drain_has_the_volume_of_a_collector() -> None:
    """By the name that a StatefulSet gives it."""
    (claim,) = named("StatefulSet")["spec"]["volumeClaimTemplates"]
    volumes = named("Job", "agenttrace-drain")["spec"]["template"]["spec"]["volumes"]
    claimed = [each["persistentVolumeClaim"]["claimName"] for each in volumes if each["name"] == "journal"]
    assert claimed == [f"{claim['metadata']['name']}-agenttrace-2"]


@pytest.mark.parametrize("pod", pods(), ids=["collector", "migrate", "drain"])
def test_pods_have_no_rights(pod: dict[str, Any]) -> None:
    """Nobody's account, a root file system that is read only, no capability, no token of the cluster."""
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False


def test_the_tokens_are_read(tmp_path: Path) -> None:
    """By the collector's own reader."""
    file = tmp_path / "tokens.yaml"
    file.write_text(named("Secret", "agenttrace-tokens")["stringData"]["tokens.yaml"])
    assert read_tokens(file)


def test_the_image_is_of_this_version() -> None:
    """Named once per file."""
    project = (ROOT / "pyproject.toml").read_text()
    assert all(
        f'version = "{container["image"].partition(":")[2]}"' in project
        for pod in pods()
        for container in pod["containers"]
    )
