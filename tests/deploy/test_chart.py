"""The Helm chart, rendered by Helm itself: the same objects as the plain manifests, and what its values change."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.test_kubernetes import FOLDER, FOREIGN, VERSION, manifests

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
CHART = FOLDER / "agenttrace"
HELM = "helm.sh/helm/v3/cmd/helm@v3.16.4"
Objects = Mapping[tuple[str, str], dict[str, Any]]
ALL = ("autoscaling=true", "serviceMonitor=true", "drainClaim=journal-agenttrace-2")
# A Secret is made by hand.
PLAIN = [each for each in manifests() if each["kind"] != "Secret"]


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of Helm, or one that is built from its modules."""
    if found := shutil.which("helm"):
        return found
    go = shutil.which("go")
    if go is None:
        pytest.skip("Helm is built from its Go modules, and there is no Go here")
    folder = tmp_path_factory.mktemp("helm")
    build = subprocess.run(
        [go, "install", HELM],
        env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-p=2"},
        capture_output=True,
        text=True,
        check=False,
    )
    if build.returncode:
        pytest.skip("Helm's Go modules cannot be built here")
    return str(folder / "helm")


def rendered(helm: str, *values: str) -> Objects:
    """What Helm makes of the chart with these values, by kind and name."""
    chosen = [part for value in values for part in ("--set", value)]
    done = subprocess.run(
        [helm, "template", "agenttrace", str(CHART), *chosen], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return by_name(each for each in yaml.safe_load_all(done.stdout) if each)


def by_name(documents: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Objects by kind and name."""
    return {(each["kind"], each["metadata"]["name"]): each for each in documents}


def test_it_makes_the_objects_of_the_plain_manifests(helm: str) -> None:
    """But for what only Helm knows: when the schema's Job runs, and that the autoscaler counts collectors."""
    found = rendered(helm, *ALL)
    hook = found["Job", "agenttrace-migrate"]["metadata"].pop("annotations")
    assert hook["helm.sh/hook"] == "post-install,pre-upgrade"
    expected = by_name(yaml.safe_load(yaml.safe_dump(PLAIN)))
    assert expected["StatefulSet", "agenttrace"]["spec"].pop("replicas") == 2
    assert found == expected


def test_each_object_is_valid(helm: str) -> None:
    """By the schema of its kind."""
    for (kind, _), each in rendered(helm, *ALL).items():
        if kind not in FOREIGN:
            kubernetes_validate.validate(each, VERSION, strict=True)


def test_what_needs_more_than_kubernetes_is_left_out(helm: str) -> None:
    """And nobody's journal is drained."""
    found = rendered(helm)
    left_out = {
        ("HorizontalPodAutoscaler", "agenttrace"),
        ("ServiceMonitor", "agenttrace"),
        ("Job", "agenttrace-drain"),
    }
    assert by_name(PLAIN).keys() - found.keys() == left_out
    assert found["StatefulSet", "agenttrace"]["spec"]["replicas"] == 2


def test_values_stand_where_the_manifests_say_them(helm: str) -> None:
    """One for each, in every object that has it."""
    values = ("image=registry/agenttrace:9", "replicas=5", "journalSize=50Gi", "journalMaxSizeMib=40960")
    found = rendered(helm, *values, "cluster=true", "prometheusNamespace=observed")
    spec = found["StatefulSet", "agenttrace"]["spec"]
    job = found["Job", "agenttrace-migrate"]["spec"]["template"]["spec"]["containers"][0]
    assert spec["replicas"] == 5
    assert spec["template"]["spec"]["containers"][0]["image"] == job["image"] == "registry/agenttrace:9"
    assert job["args"][:4] == ["migrate", "up", "--profile", "cluster"]
    assert spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "50Gi"
    settings = yaml.safe_load(found["ConfigMap", "agenttrace"]["data"]["collector.yaml"])
    assert settings["journal"]["max_size_mib"] == 40960
    policy = found["NetworkPolicy", "agenttrace"]["spec"]["ingress"][1]["from"][0]["namespaceSelector"]
    assert policy["matchLabels"]["kubernetes.io/metadata.name"] == "observed"


def test_helm_finds_nothing_to_complain_of(helm: str) -> None:
    """Its own checks, warnings too."""
    done = subprocess.run([helm, "lint", "--strict", str(CHART)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
