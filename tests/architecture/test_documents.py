"""What documents say of the sources: links lead somewhere, metrics are counted."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from agenttrace_collector.telemetry import METRICS
from tests.architecture.source import ROOT, documents


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link within the repository names a file that is there, and a heading that stands in it."""
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not _leads(page, link)] == []


def _leads(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in _headings(target))


def _headings(page: Path) -> set[str]:
    """As they are linked to: lower-case, words joined by hyphens."""
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_counted_somewhere(name: str) -> None:
    """A metric that the page describes is one that the code sets."""
    assert any(re.search(_pattern(name), text) for text in _sources())


def _pattern(name: str) -> str:
    """The name, or the template that ends in one of the signals' units."""
    unit = r"_(spans|log_records|runs|metric_points)$"
    return rf'"{name}"|{re.sub(unit, "_{", name)}' if re.search(unit, name) else f'"{name}"'


@cache
def _sources() -> tuple[str, ...]:
    folder: Path = ROOT / "collector" / "agenttrace_collector"
    # The command line reads metrics and sets none.
    setting = (path for path in folder.rglob("*.py") if (folder / "cli") not in path.parents)
    texts = (path.read_text(encoding="utf-8") for path in setting)
    return tuple(re.sub(r'"\w+": Described\(', "", text) for text in texts)
