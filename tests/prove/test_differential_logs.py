"""Python and the compiled engine make the same batch of any request of logs: a million mutated ones in full.

That the mutations find differences is shown with faults in the tables of an engine: each must be found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from agenttrace_collector.decode.engine import PythonEngine
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.decode.native_facts import engine_facts
from tests.support.differential import POLICIES, outcome
from tests.support.differential_logs import mutated_logs
from tests.support.native import engines, needs_engine
from tests.support.proof import FULL

pytestmark = needs_engine
CASES: Final = 1_000_000 if FULL else 1_500
# Within so many cases each fault is found.
FAULT_CASES: Final = 40_000
SEED: Final = 20_261_128
# What changes the facts of an engine.
Change = Callable[[dict[str, Any]], dict[str, Any]]


def test_no_request_makes_another_batch() -> None:
    """Not one of all cases differs in rows, counts or refusals."""
    compiled, python = engines(POLICIES), PythonEngine()
    kinds: Counter[str] = Counter()
    for case in mutated_logs(SEED, CASES):
        if outcome(compiled[id(case.context.policy)].logs, case) != outcome(python.logs, case):
            kinds[case.kind] += 1
            print(case.kind, case.context.policy.labels, case.context.received_at, case.body.hex())
    handed_back = sum(engine.counts.handed_back for engine in compiled.values())
    declined = sum(engine.counts.declined for engine in compiled.values())
    print(f"{CASES:,} cases, {handed_back:,} records handed back, {declined:,} requests declined")
    assert kinds == {}


def _shared(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda facts: facts | {"agents": facts["agents"] | {name: change(facts["agents"][name])}}


def _each(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    return _shared("agents", lambda agents: [change(agent) for agent in agents])


def _field(name: str, change: Callable[[Any], Any]) -> Change:
    return _each(lambda agent: agent | {name: change(agent[name])})


def _swapped(facts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    names = {"input_tokens": "output_tokens", "output_tokens": "input_tokens"}
    return [(names.get(fact, fact), key) for fact, key in facts]


def _records(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    return _field(
        "records", lambda records: {name: record | change(record) for name, record in records.items()}
    )


FAULTS: Final[Mapping[str, Change]] = {
    "an agent's version where it has none": _field("versioned", lambda _: True),
    "a trace that is no run": _field("trace_is_run", lambda flag: not flag),
    "a failed call that ran": _field("failed_is_unrun", lambda _: False),
    "a failure without a type": _field("types_failures", lambda _: False),
    "no words of a denial": _field("denial", lambda _: None),
    "another name of the main agent": _field("main_agents", lambda names: {f"{name}x" for name in names}),
    "turns that are not counted": _field("counts_turns", lambda _: False),
    "a later key of the run first": _field("run_keys", lambda keys: keys[::-1]),
    "denials allowed": _field(
        "approvals", lambda found: {words: ("allow", reason) for words, (_, reason) in found.items()}
    ),
    "tokens swapped": _records(lambda record: {"facts": _swapped(record["facts"])}),
    "nothing is needed": _records(lambda _: {"needs": ""}),
    "nothing ends a record": _records(lambda _: {"without": ""}),
    "any survey": _records(lambda _: {"only": ("", "")}),
    "no signals": _records(lambda _: {"signal": None}),
    "no decisions": _records(lambda _: {"decision": None}),
    "a call on the side is a turn": _shared("side_purposes", lambda _: set()),
    "a denied call that ran": _shared("denied_types", lambda _: set()),
    "longer parameters": _shared("server_tool", lambda each: (*each[:2], 2_000)),
    "any name of a server": _shared("word", lambda _: ".*"),
    "no tools of their own": _shared("packaged", lambda _: set()),
    "cut answers are whole": _shared("cut", lambda _: set()),
    "a lower status fails": _shared("first_error", lambda _: 1),
    "a longer call": _shared("longest", lambda most: most + 1),
    "another order of records": _shared("sequence", lambda _: "sequence"),
    "another mark of a turn": _shared("turn_mark", lambda _: "~"),
}


@pytest.mark.long
def test_every_fault_is_found() -> None:
    """An engine with one loosened or misrouted fact differs from Python within some thousands of cases."""
    policy, python = POLICIES[1], PythonEngine()
    waiting = {name: NativeEngine(policy, change(engine_facts(policy))) for name, change in FAULTS.items()}
    for tried, case in enumerate(mutated_logs(SEED + 1, FAULT_CASES, [policy]), start=1):
        if not waiting:
            break
        expected = outcome(python.logs, case)
        for name in [name for name, engine in waiting.items() if outcome(engine.logs, case) != expected]:
            del waiting[name]
            print(f"{name}: found by case {tried} ({case.kind})")
    assert sorted(waiting) == []
