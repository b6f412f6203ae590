"""The page of the named queries is the one that is made from them."""

from __future__ import annotations

from agenttrace_collector.query.catalogue import catalogue
from deploy.generate.queries import PAGE, page


def test_the_page_is_in_step() -> None:
    """`python -m deploy.generate` writes what is committed."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_query_says_what_it_tells() -> None:
    """A title and a sentence, and the tenant as a parameter."""
    for query in catalogue().values():
        assert query.title, query.name
        assert query.about.endswith("."), query.name
        assert query.parameters["tenant"] == "String", query.name
