"""No text of ours judges: observed, associated with, differs by, and nothing stronger; a score is somebody else's."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.architecture.source import ROOT, modules

JUDGEMENT: Final = re.compile(r"\b(better|worse|(in)?correct(ly)?|caused by)\b", re.IGNORECASE)
TEXTS: Final = (".html", ".json", ".md", ".sql", ".yaml")
FOLDERS: Final = ("instrumentation", "schemas", "collector", "deploy")
PAGES: Final = [
    ROOT / "README.md",
    *sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in TEXTS),
]


def test_no_text_of_the_code_judges() -> None:
    """Messages, help, column names and page texts, wherever a string stands."""
    judging = [
        f"{module}:{node.lineno}"
        for module in modules()
        for node in module.strings()
        if JUDGEMENT.search(str(node.value))
    ]
    assert judging == []


def test_no_page_judges() -> None:
    """Documents, queries, dashboards and templates."""
    judging = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in PAGES
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if JUDGEMENT.search(line)
    ]
    assert judging == []


@pytest.mark.parametrize("text", ["Version B is better", "caused by a timeout", "Incorrectly"])
def test_a_judgement_is_seen(text: str) -> None:
    """The test can fail."""
    assert JUDGEMENT.search(text)
