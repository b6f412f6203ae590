"""The generated files are in step, and leave no setting, metric or command without a word."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from deploy.generate.commands import commands
from deploy.generate.configuration import meaning, settings, words
from deploy.generate.pages import generated
from tests.architecture.source import PACKAGES, ROOT

EXAMPLE = (ROOT / "deploy" / "collector.yaml").read_text(encoding="utf-8")


def committed(name: str) -> str:
    """A file by its path in the repository; one within a package is read where the package is installed."""
    path = ROOT / name
    for package, folder in PACKAGES.items():
        if path.is_relative_to(folder):
            path = Path(str(files(package))) / path.relative_to(folder)
    return path.read_text(encoding="utf-8")


def test_what_is_committed_is_in_step() -> None:
    """`python -m deploy.generate` writes what is committed."""
    made = generated(EXAMPLE)
    assert len(made) > 8
    assert [name for name, text in made.items() if committed(name) != text] == []


def test_every_setting_is_explained() -> None:
    """By the example file, whose comments are the words of the page."""
    told = words(EXAMPLE)
    assert [each.path for each in settings() if not meaning(each.path, told)] == []


def test_every_command_and_option_is_explained() -> None:
    """What the page lists has words in it."""
    listed = dict(commands())
    silent = [(name, each.name) for name, command in listed.items() for each in command.params]
    silent = [
        (name, option)
        for name, option in silent
        if not next(getattr(each, "help", "") for each in listed[name].params if each.name == option)
    ]
    assert (silent, [name for name, command in listed.items() if not command.help]) == ([], [])
