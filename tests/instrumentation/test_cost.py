"""What recording costs the agent (specification section 10)."""

from __future__ import annotations

from tests.bench.bench_record_decision import measure


def test_a_decision_costs_at_most_two_bare_events() -> None:
    """The lowest of three measures: other work on the machine only ever adds."""
    assert min(measure(rounds=60).ratio for _ in range(3)) <= 2.0
