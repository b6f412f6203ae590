"""The table of deploy/FRAMEWORKS.md: framework by convention, and how many of the expected facts are seen of each."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests.support.corpus import Scenario
from tests.support.observed import Fact

PAGE: Final = Path(__file__).parents[2] / "deploy" / "FRAMEWORKS.md"
_BEGIN: Final = "<!-- what is seen: made by UPDATE=1 pytest tests/conformance/test_corpus.py -->\n"
_END: Final = "<!-- end -->"
_GROUPS: Final = (
    ("runs", re.compile(r"runs|status")),
    ("steps", re.compile(r".*steps|.*step \d+ (type|name)|tools")),
    ("errors", re.compile(r".*step \d+ error|failed.*")),
    ("retries", re.compile(r"model retries")),
    ("documents", re.compile(r"documents")),
    ("tokens", re.compile(r".* tokens")),
    ("models", re.compile(r"models")),
)


def table(seen: Iterable[tuple[Scenario, frozenset[str], list[Fact]]]) -> str:
    """Markdown: one row for each set, `seen / expected` for each group of facts."""
    rows: defaultdict[str, Counter[tuple[str, bool]]] = defaultdict(Counter)
    conventions: defaultdict[str, set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    for scenario, sources, facts in seen:
        names[scenario.pair] = f"{_name(scenario.pair)} ({scenario.framework})"
        conventions[scenario.pair] |= sources
        rows[scenario.pair].update((_group(fact.name), fact.holds) for fact in facts)
    head = ("framework and instrumentation", "read as", *(name for name, _ in _GROUPS))
    lines = [head, ("---",) * len(head)]
    lines += [(names[pair], ", ".join(sorted(conventions[pair])), *_cells(rows[pair])) for pair in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _group(name: str) -> str:
    return next(group for group, pattern in _GROUPS if pattern.fullmatch(name))


def _name(pair: str) -> str:
    return pair.partition("-")[2].replace("-", " ")


def _cells(counts: Mapping[tuple[str, bool], int]) -> Iterable[str]:
    for group, _ in _GROUPS:
        held, missed = counts.get((group, True), 0), counts.get((group, False), 0)
        yield f"{held} / {held + missed}" if held + missed else ""


def shown() -> str:
    """The table that stands in the PAGE."""
    return PAGE.read_text().partition(_BEGIN)[2].partition(_END)[0]


def show(made: str) -> None:
    """Put the table into the PAGE."""
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    PAGE.write_text(f"{before}{_BEGIN}{made}{_END}{rest.partition(_END)[2]}")
