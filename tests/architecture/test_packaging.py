"""What pip installs: a light package that names the extra it lacks, and no word about where it came from."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import PACKAGES, ROOT, modules, modules_of_tests

HEAVY: Final = ("grpc", "clickhouse_connect", "chdb", "fastapi", "pydantic", "typer")


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command's result, from a directory where our sources cannot be imported by accident."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip builds from these sources."""
    directory = tmp_path_factory.mktemp("wheel")
    built = run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", directory, ROOT, cwd=directory
    )
    assert built.returncode == 0, built.stderr
    (file,) = directory.glob("*.whl")
    return file


def installed(wheel: Path, directory: Path, extra: str = "") -> Path:
    """The programs of an empty environment after `pip install agenttrace-otel[extra]`."""
    # Without a pip of its own and without bytecode: both take longer than all that is tested here.
    run(sys.executable, "-m", "venv", "--without-pip", directory / "venv", cwd=directory)
    programs = directory / "venv" / "bin"
    pip = (sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet", "--no-compile")
    constraints = ROOT / "deploy" / "constraints.txt"
    wanted = f"{wheel}[{extra}]" if extra else wheel
    done = run(*pip, "-c", constraints, wanted, cwd=directory)
    assert done.returncode == 0, done.stderr
    return programs


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without any extra."""
    return installed(wheel, tmp_path_factory.mktemp("light"))


@pytest.mark.long
def test_a_light_install_imports_nothing_heavy(light: Path, tmp_path: Path) -> None:
    """`import agenttrace` works where neither gRPC nor a ClickHouse client can be imported."""
    script = f"import agenttrace\n{present(HEAVY)}"
    seen = run(light / "python", "-W", "error", "-c", script, cwd=tmp_path)
    assert (seen.stdout, seen.stderr) == ("[]\n", "")


@pytest.mark.long
def test_a_light_install_names_the_missing_extra(light: Path, tmp_path: Path) -> None:
    """The command says what to install and exits with status 2."""
    seen = run(light / "agenttrace", "collector", "run", cwd=tmp_path)
    assert seen.returncode == 2
    assert 'pip install "agenttrace-otel[collector]"' in seen.stderr


@pytest.mark.long
def test_type_information_is_shipped(light: Path) -> None:
    """Each package says that its types are to be trusted."""
    marked = {path.parent.name for path in light.parent.glob("lib/*/site-packages/agenttrace*/py.typed")}
    assert marked == {"agenttrace", "agenttrace_schemas", "agenttrace_collector"}


@pytest.mark.long
def test_the_grpc_extra_brings_its_exporter(wheel: Path, tmp_path: Path) -> None:
    """And nothing of a collector."""
    programs = installed(wheel, tmp_path, "grpc")
    script = f"import opentelemetry.exporter.otlp.proto.grpc.trace_exporter\n{present(HEAVY)}"
    assert run(programs / "python", "-c", script, cwd=tmp_path).stdout == "['grpc']\n"


@pytest.mark.long
def test_the_auto_extra_brings_the_distro(wheel: Path, tmp_path: Path) -> None:
    """`opentelemetry-instrument` sets up our exporter without a line of code."""
    programs = installed(wheel, tmp_path, "auto")
    script = (
        "from opentelemetry import trace\n"
        "processors = trace.get_tracer_provider()._active_span_processor._span_processors\n"
        "print([type(each.span_exporter).__name__ for each in processors if hasattr(each, 'span_exporter')])"
    )
    chosen = {**os.environ, "OTEL_PYTHON_DISTRO": "agenttrace", "OTEL_SDK_DISABLED": "false"}
    command = (programs / "opentelemetry-instrument", programs / "python", "-c", script)
    seen = subprocess.run(
        command, cwd=tmp_path, env=chosen, capture_output=True, text=True, check=False, timeout=60
    )
    assert seen.stdout == "['AgentTraceSpanExporter']\n", seen.stderr


@pytest.mark.long
def test_the_collector_extra_lacks_the_embedded_database_only(wheel: Path, tmp_path: Path) -> None:
    """Its commands work; a `chdb://` endpoint names the extra that brings the engine."""
    programs = installed(wheel, tmp_path, "collector")
    seen = run(programs / "python", "-c", present(HEAVY), cwd=tmp_path)
    assert seen.stdout == f"{[name for name in HEAVY if name != 'chdb']}\n"
    command = (programs / "agenttrace", "collector")
    assert run(*command, "validate", cwd=tmp_path).returncode == 0
    refused = run(*command, "run", cwd=tmp_path)
    assert refused.returncode != 0
    assert 'pip install "agenttrace-otel[embedded]"' in refused.stderr


def present(names: Sequence[str]) -> str:
    """A program that prints which of these can be imported."""
    return f"import importlib.util as util; print([name for name in {names} if util.find_spec(name)])"


def test_constraints_name_no_place() -> None:
    """Pins are names and versions: no index, host, path or option stands among them."""
    pin = re.compile(
        r"[a-z0-9-]+==[0-9a-z.]+( ; [a-z_]+ [<>=!]+ '[A-Za-z0-9.]+'( (and|or) [a-z_]+ [<>=!]+ '[\w.]+')*)?"
    )
    assert [line for line in pins() if not pin.fullmatch(line)] == []


def test_every_dependency_is_pinned() -> None:
    """What pyproject.toml names, deploy/constraints.txt pins."""
    assert declared() <= {line.partition("==")[0] for line in pins()}


# Of the standard library of later versions of Python than this may be.
LATER = {"compression"}


@pytest.mark.parametrize("folder", ["instrumentation", "schemas", "collector", "tests"])
def test_every_import_is_declared(folder: str) -> None:
    """Nothing is imported that only happens to be installed."""
    inside = [module for module in [*modules(), *modules_of_tests()] if str(module).startswith(f"{folder}/")]
    imported = {name for module in inside for name in module.imports()}
    others = imported - sys.stdlib_module_names - LATER - PACKAGES.keys() - {"deploy", "tests"}
    providers = packages_distributions()
    assert [name for name in others if not declared() & {*map(normal, providers.get(name, ()))}] == []


def declared() -> set[str]:
    """The distributions that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = chain(project["dependencies"], *project["optional-dependencies"].values())
    return {re.split(r"[\[><=;]", line)[0] for line in wanted} - {project["name"]}


def normal(distribution: str) -> str:
    """A distribution's name as pyproject.toml writes it."""
    return re.sub("[-_.]+", "-", distribution).lower()


def pins() -> list[str]:
    """The lines of the constraints."""
    return (ROOT / "deploy" / "constraints.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("extra", ["collector", "embedded"])
def test_an_image_installs_what_its_extra_asks_for(extra: str) -> None:
    """Pip takes nothing else there, since every line of the file has a hash."""
    text = (ROOT / "deploy" / "container" / f"requirements-{extra}.txt").read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    wanted = {re.split(r"[\[><=; ]", line)[0] for line in extras[extra]} - {"agenttrace-otel"}
    assert wanted - {line.partition("==")[0] for line in text.splitlines()} == set()
