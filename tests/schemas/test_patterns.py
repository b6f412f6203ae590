"""The patterns mean the same to Python, RE2 and ECMAScript."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace_schemas import patterns

FULL: Final = {
    **patterns.LABELS,
    "identifier": patterns.IDENTIFIER,
    "metadata key": patterns.METADATA_KEY,
    "attribute key": patterns.ATTRIBUTE_KEY,
    "hash": patterns.HASH,
    "message": patterns.MESSAGE,
}
EVERY: Final = [*FULL.values(), patterns.SECRETS]
# What RE2 lacks (look-around, back-references, possessive and atomic groups) and what dialects read
# differently (classes by letter, Unicode properties, inline flags, named groups).
DIALECT: Final = re.compile(r"\(\?|\\[1-9dDwWsSbBAZzpPkRhHvN]|[*+?}]\+")


@pytest.mark.parametrize("pattern", EVERY)
def test_patterns_stay_in_the_shared_subset(pattern: str) -> None:
    """ASCII, no construct that one of the dialects lacks or reads in its own way."""
    assert pattern.isascii()
    assert not DIALECT.search(pattern)


@pytest.mark.parametrize("name", FULL)
@given(text=st.one_of(st.text("a1_- .:/@", max_size=12), st.text(max_size=8)))
def test_anchored_is_a_full_match(name: str, text: str) -> None:
    """The anchored form decides as `fullmatch` does, where `$` means the end."""
    anchored = re.compile(patterns.anchored(FULL[name]).removesuffix("$") + r"\Z", re.ASCII)
    assert bool(anchored.search(text)) is bool(re.fullmatch(FULL[name], text, re.ASCII))


@pytest.mark.parametrize("name", FULL)
def test_no_pattern_lets_a_line_break_in(name: str) -> None:
    """Not at the end either."""
    assert not re.fullmatch(FULL[name], "a\n", re.ASCII)


@given(text=st.from_regex(re.compile(patterns.SECRETS, re.ASCII)))
def test_no_secret_is_shorter_than_is_said(text: str) -> None:
    """What is shorter and no e-mail address need not be searched."""
    assert len(text) >= patterns.SHORTEST_SECRET or "@" in text
