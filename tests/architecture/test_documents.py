"""What documents say of the sources: links lead somewhere, metrics are counted."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from agenttrace_collector.telemetry.metrics import METRICS
from tests.architecture.source import ROOT, documents


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link within the repository names a file that is there, and a heading that stands in it."""
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not _leads(page, link)] == []


# A password in an address, or after an option or a header's name, that comes from no variable.
SECRET = re.compile(r"://[^\s/:@$]+:(?!\$)[^\s/@]+@|--(?:password|token)[ =](?!\$)\S|Bearer (?![$<…])\w")


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_secret_stands_on_a_command_line(page: Path) -> None:
    """Every user of a machine sees its command lines."""
    commands = re.findall(
        r"^```(?:sh|bash|console)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    inline = re.findall(r"`([^`\n]*--set [^`\n]*)`", page.read_text(encoding="utf-8"))
    assert [line for text in (*commands, *inline) for line in text.splitlines() if SECRET.search(line)] == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("agenttrace run --set exporters.clickhouse.endpoint=http://me:secret@host:8123", True),
        ("clickhouse-client --password secret", True),
        ("curl -H 'authorization: Bearer secret' http://127.0.0.1:8400", True),
        ('curl -H "authorization: Bearer $TOKEN" http://127.0.0.1:8400', False),
        ("agenttrace run --set 'exporters.clickhouse.endpoint=http://me:${env:SECRET}@host:8123'", False),
    ],
)
def test_a_secret_would_be_found(line: str, *, found: bool) -> None:
    """The test above can fail."""
    assert bool(SECRET.search(line)) is found


def _leads(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in _headings(target))


def _headings(page: Path) -> set[str]:
    """As they are linked to: lower-case, words joined by hyphens."""
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def test_every_metric_is_counted_somewhere() -> None:
    """A metric that the page describes is one that the code sets."""
    uncounted = [name for name in METRICS if not any(re.search(_pattern(name), text) for text in _sources())]
    assert uncounted == []


def _pattern(name: str) -> str:
    """The name, or the template that ends in one of the signals' units."""
    unit = r"_(spans|log_records|runs|evaluations|outcomes|metric_points)$"
    return rf'"{name}"|{re.sub(unit, "_{", name)}' if re.search(unit, name) else f'"{name}"'


@cache
def _sources() -> tuple[str, ...]:
    folder: Path = ROOT / "collector" / "agenttrace_collector"
    # The command line reads metrics and sets none.
    setting = (path for path in folder.rglob("*.py") if (folder / "cli") not in path.parents)
    texts = (path.read_text(encoding="utf-8") for path in setting)
    return tuple(re.sub(r'"\w+": MetricSpec\(', "", text) for text in texts)
