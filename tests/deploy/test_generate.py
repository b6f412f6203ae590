"""The reference pages are in step, and leave no setting, metric or command without a word."""

from __future__ import annotations

import pytest

from deploy.generate.commands import commands
from deploy.generate.configuration import meaning, settings, words
from deploy.generate.pages import pages
from tests.architecture.source import ROOT

DEPLOY = ROOT / "deploy"
EXAMPLE = (DEPLOY / "collector.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["CONFIGURATION.md", "METRICS.md", "COMMANDS.md"])
def test_pages_are_in_step(name: str) -> None:
    """What stands in deploy is what their sources make."""
    assert (DEPLOY / name).read_text(encoding="utf-8") == pages(EXAMPLE)[name]


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
