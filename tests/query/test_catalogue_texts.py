"""Every named query says what it tells."""

from __future__ import annotations

from agenttrace_collector.query.catalogue import catalogue


def test_every_query_says_what_it_tells() -> None:
    """A title and a sentence, and the tenant as a parameter."""
    for query in catalogue().values():
        assert query.title, query.name
        assert query.about.endswith("."), query.name
        assert query.parameters["tenant"] == "String", query.name
