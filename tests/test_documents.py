"""Documents are true: their Python runs, and every command, option, setting, variable and metric in them exists."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from agenttrace import settings as switches
from agenttrace_collector.cli import client
from agenttrace_collector.telemetry.metrics import METRICS
from agenttrace_schemas import wire
from deploy.generate.commands import commands
from deploy.generate.configuration import settings
from tests.architecture.source import ROOT, documents
from tests.support.collector import Collector, running_collector

README: Final = ROOT / "README.md"
# A reader's framework: something is being traced already where the code stands.
TRACED: Final = """
from opentelemetry.sdk.trace import TracerProvider
with TracerProvider().get_tracer("framework").start_as_current_span("call"):
    exec({block!r})
"""
SHELL: Final = ("sh", "console")
# Shown, not run here: data and statements; `py` is run by tests/instrumentation/test_guide.py and by make prove NAME=beside.
SHOWN: Final = {"json", "sql", "py", "toml", "ts", "yaml"}
SECTIONS: Final = "receivers|processors|journal|exporters|extensions|derive|service"
# Set where the files of deploy are used, not read by our code.
OF_DEPLOY: Final = re.compile(
    r"AGENTTRACE_(CLICKHOUSE|CONVERSATION|TOKENS|PASSWORD|PROMETHEUS|OTLP|JOURNAL)\w*"
)

pages = pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of these languages."""
    fence = re.compile(rf"^```(?:{'|'.join(languages)})\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return fence.findall(page.read_text(encoding="utf-8"))


def lines(page: Path) -> Iterator[str]:
    """What a reader types: the lines of shell blocks, and commands in the text."""
    for block in blocks(page, *SHELL):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(
        r"`((?:agenttrace|make|python -m|UPDATE=1 make) [^`]+)`", page.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("block", blocks(README, "python"))
def test_python_runs_as_written(block: str, tmp_path: Path) -> None:
    """Every event in it is accepted: the strict mode raises where one is not."""
    quiet = {"OTEL_TRACES_EXPORTER": "none", "AGENTTRACE_STRICT": "1"}
    seen = subprocess.run(
        [sys.executable, "-W", "error", "-c", TRACED.format(block=block)],
        cwd=tmp_path,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (seen.returncode, seen.stdout, seen.stderr) == (0, "", "")


@pages
def test_make_targets_exist(page: Path) -> None:
    """With the name of the proof or the bench, where one is given."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target, name in re.findall(r"\bmake ([a-z-]+)(?: NAME=([a-z-]+))?", "\n".join(lines(page))):
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target
        file = name.replace("-", "_")
        assert (
            not name
            or (ROOT / f"tests/prove/test_{file}.py").exists()
            or (ROOT / f"tests/bench/bench_{file}.py").exists()
        )


@cache
def options() -> dict[str, set[str]]:
    """Every command with its options."""
    return {name: {option for each in command.params for option in each.opts} for name, command in commands()}


@pages
def test_commands_and_options_exist(page: Path) -> None:
    """Several commands may be told at once, with bars between them."""
    for line in lines(page):
        for said in re.findall(r"(?:^|[ (])(agenttrace [a-z][^;#&\n]*)", line):
            for name in _named(said):
                given = {*re.findall(r"(?:^|\s)(--[a-z-]+)", said)} - {"--help", "--install-completion"}
                assert given <= options()[name], said


def _named(said: str) -> Iterator[str]:
    """The commands of a line: `agenttrace migrate up|down` is two."""
    words = said.split()[1:3]
    for first in words[0].strip(".,:").split("|"):
        for second in words[1].strip(".,:").split("|") if len(words) > 1 else [""]:
            name = f"agenttrace {first} {second}"
            yield name if name in options() else f"agenttrace {first}"


@pages
def test_settings_exist(page: Path) -> None:
    """Each dotted name of a section leads somewhere in the configuration."""
    known = {".".join(each.path[:end]) for each in settings() for end in range(1, len(each.path) + 1)}
    # Exporters of OTLP have names of their users.
    known |= {"exporters.otlp_grpc", "exporters.otlp_http"}
    named = re.findall(rf"[`\s]((?:{SECTIONS})(?:\.[a-z_0-9]+)+)[`\s=:]", page.read_text(encoding="utf-8"))
    assert set(named) - known - {wire.SERVICE_VERSION, wire.SERVICE_NAME} == set()


@pages
def test_variables_exist(page: Path) -> None:
    """Each is read by the SDK, by the command line, or by a file of deploy."""
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"\bAGENTTRACE_[A-Z_]+[A-Z]\b", text))
    known = {value for value in vars(switches).values() if str(value).startswith("AGENTTRACE_")}
    files = [
        path
        for path in (ROOT / "deploy").rglob("*")
        if path.is_file() and path.suffix not in {".md", ".png", ".pyc"}
    ]
    used = {name for name in named if any(name in path.read_text(encoding="utf-8") for path in files)}
    assert named - known - {client.ADDRESS, client.TOKEN} - used == set()


@pages
def test_metrics_exist(page: Path) -> None:
    """Under the names that Prometheus reads."""
    named = re.findall(r"`((?:otelcol|agenttrace)_[a-z_]+)`", page.read_text(encoding="utf-8"))
    ours = {"agenttrace_collector", "agenttrace_schemas", "agenttrace_capture"}
    users = set(re.findall(r"USER IF NOT EXISTS (\w+)", (ROOT / "deploy/clickhouse/users.sql").read_text()))
    assert set(named) - METRICS.keys() - ours - users == set()


@pages
def test_modules_exist(page: Path) -> None:
    """What `python -m` is told to run."""
    named = re.findall(r"python -m ((?:agenttrace|tests)[\w.]*)", page.read_text(encoding="utf-8"))
    assert [name for name in named if importlib.util.find_spec(name.rstrip(".")) is None] == []


@pages
def test_extras_exist(page: Path) -> None:
    """What a reader is told to install can be installed."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r"agenttrace-otel\[([a-z,]+)\]", page.read_text(encoding="utf-8"))
    extras = {extra for each in named for extra in each.split(",")}
    assert [extra for extra in extras if not re.search(rf"^{extra} = \[", project, re.MULTILINE)] == []


@pages
def test_files_exist(page: Path) -> None:
    """Paths from the repository's root that stand in the text."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"[`\s]((?:deploy|tests|schemas|collector|instrumentation)/[\w./-]+\w)[`\s]", text)
    assert [name for name in named if not (ROOT / name).exists() and not name.endswith("/.env")] == []


@pages
def test_other_languages_than_these_are_not_run(page: Path) -> None:
    """A block in another language would be one that no test reads."""
    languages = set(re.findall(r"^```(\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert languages <= {"python", *SHELL, *SHOWN}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """What is asked with curl."""
    with running_collector(tmp_path_factory.mktemp("collector")) as running:
        yield running


ASKED: Final = [
    pytest.param(line, id=f"{page.stem}-{number}")
    for page in documents()
    for number, line in enumerate(
        [*re.findall(r"^(curl .*?[^\\])$(?=\n(?:[a-z`]|\Z))", "\n".join(blocks(page, "sh")), re.DOTALL | re.MULTILINE),
         *re.findall(r"`(curl [^`]+)`", page.read_text(encoding="utf-8"))]
    )
]  # fmt: skip


@pytest.mark.parametrize("line", ASKED)
def test_what_is_asked_with_curl_is_answered(line: str, collector: Collector) -> None:
    """On the ports of a collector that is up."""
    ports = {"8400": "api", "8123": "clickhouse", "4318": "http"}
    here = re.sub(r"127\.0\.0\.1:(\d+)", lambda found: f"127.0.0.1:{collector.ports[ports[found[1]]]}", line)
    asked = here.replace("curl ", "curl --noproxy '*' --silent --show-error --fail-with-body ", 1)
    seen = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=False, timeout=30)
    assert seen.returncode == 0, seen.stdout + seen.stderr
