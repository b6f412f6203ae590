"""The recipes name what exists, and configure what an OpenTelemetry Collector knows."""

from __future__ import annotations

import ast
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml

RECIPES = Path(__file__).parents[2] / "deploy" / "recipes"
TEXT = (RECIPES / "README.md").read_text()


def test_every_file_is_named() -> None:
    """Each script and configuration stands in the page, each link leads to a file."""
    linked = set(re.findall(r"\]\(([\w.-]+)\)", TEXT))
    assert linked == {path.name for path in RECIPES.iterdir() if path.suffix in {".py", ".yaml"}}


def test_plug_ins_exist() -> None:
    """The distro and the exporters are entry points of this distribution."""
    for group in ("opentelemetry_distro", "opentelemetry_traces_exporter", "opentelemetry_logs_exporter"):
        (ours,) = [entry for entry in entry_points(group=group) if entry.name == "agenttrace"]
        assert ours.load().__module__.startswith("agenttrace.")


def test_the_collectors_pipelines_use_what_it_configures() -> None:
    """Receivers, processors and exporters of each pipeline are there."""
    config = yaml.safe_load((RECIPES / "otel-collector.yaml").read_text())
    for pipeline in config["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(config[kind])


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_python_of_the_page_runs(block: str) -> None:
    """As it stands; without a run it records nothing and raises nothing."""
    ast.parse(block)
    exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - the page's own code


def test_versions_are_pinned() -> None:
    """What the proof installs."""
    lines = (RECIPES / "requirements.txt").read_text().split()
    assert all(re.fullmatch(r"[\w.\[\]-]+==[\w.]+", line) for line in lines)
