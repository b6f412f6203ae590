"""The README is true: its Python runs, its commands and targets exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import typer.main
from typer.core import TyperGroup

from agenttrace_collector.cli.app import app

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = [ROOT / "README.md"]
# A reader's framework: something is being traced already where the code stands.
TRACED: Final = """
from opentelemetry.sdk.trace import TracerProvider
with TracerProvider().get_tracer("framework").start_as_current_span("call"):
    exec({block!r})
"""
EXTRAS: Final = re.compile(r"agenttrace-otel\[([a-z,]+)\]")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language on all pages."""
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return [block for page in PAGES for block in fence.findall(page.read_text(encoding="utf-8"))]


def commands() -> list[str]:
    """The lines of the shell blocks without their comments."""
    lines = [line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.mark.parametrize("block", blocks("python"))
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


@pytest.mark.parametrize("target", [line.split()[1] for line in commands() if line.startswith("make ")])
def test_make_targets_exist(target: str) -> None:
    """Each one stands in the Makefile with its line of help."""
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("agenttrace ")])
def test_commands_exist(line: str) -> None:
    """Each word up to the first option or argument is a command of the command line."""
    command: object = typer.main.get_command(app)
    for word in line.split()[1:]:
        if word.startswith("-") or (command is not None and not isinstance(command, TyperGroup)):
            break
        assert isinstance(command, TyperGroup)
        command = command.get_command(typer.Context(command), word)
        assert command is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_extras_exist(page: Path) -> None:
    """What a reader is told to install can be installed."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = {
        extra for extras in EXTRAS.findall(page.read_text(encoding="utf-8")) for extra in extras.split(",")
    }
    assert [extra for extra in named if not re.search(rf"^{extra} = \[", project, re.MULTILINE)] == []


def test_other_languages_than_these_are_not_run() -> None:
    """A block in another language would be one that no test reads."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"^```(\S+)$", text, re.MULTILINE)) <= {"python", "sh"}
