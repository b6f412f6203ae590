"""What recording costs the agent (specification section 10)."""

from __future__ import annotations

from typing import Final

from tests.bench.bench_record_decision import measure

# The limits are those of a quiet machine: `make bench NAME=record-decision`.
SHARED_MACHINE: Final = 1.2
MEASURES: Final = 4


def test_recording_costs_little_beside_bare_calls() -> None:
    """The lowest ratio of some measures, each with a limit of its own: other work only ever adds."""
    lowest: dict[str, float] = {}
    for _ in range(MEASURES):
        costs = measure(rounds=30)
        lowest = {name: min(cost.ratio, lowest.get(name, cost.ratio)) for name, cost in costs.items()}
        above = {n: ratio for n, ratio in lowest.items() if ratio > costs[n].allowed * SHARED_MACHINE}
        if not above:
            break
    assert above == {}
