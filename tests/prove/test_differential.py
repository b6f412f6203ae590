"""Python and the compiled engine make the same batch and the same copy of any request: a million mutated ones in full.

Four kinds of mutation take turns. That they find differences is shown with faults in the facts of an engine: each
must be found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.decode.native_facts import engine_facts
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_schemas import wire
from tests.support.differential import POLICIES, differences, mutated, outcome
from tests.support.native import engines, needs_engine
from tests.support.proof import FULL

pytestmark = needs_engine
CASES = 1_000_000 if FULL else 1_500
# Within so many cases each fault is found.
FAULT_CASES = 80_000
SEED = 20_260_128


def test_no_request_makes_another_batch() -> None:
    """Not one of all cases differs in rows, counts or refusals."""
    compiled = engines(POLICIES)
    kinds: Counter[str] = Counter()
    for case in differences(mutated(SEED, CASES), compiled):
        kinds[case.kind] += 1
        print(case.kind, case.context.policy.labels, case.body.hex())
    handed_back = sum(engine.counts.handed_back for engine in compiled.values())
    declined = sum(engine.counts.declined for engine in compiled.values())
    print(f"{CASES:,} cases, {handed_back:,} spans handed back, {declined:,} requests declined")
    assert kinds == {}


def _facts(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda facts: facts | {name: change(facts[name])}


def _item(name: str, key: str, value: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return _facts(name, lambda items: items | {key: value(items[key])})


def _another_fact(entries: list[Any], key: str, fact: str) -> list[Any]:
    return [(each[0], fact, each[2]) if each[0] == key else each for each in entries]


def _spans(field: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A field of each table of coding agents' spans."""
    return _item(
        "agent_spans", "agents", lambda agents: [each | {field: change(each[field])} for each in agents]
    )


FAULTS: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "longer identifiers": _facts("identifier_length", lambda most: most + 1),
    "longer choices": _item("lengths", "selected", lambda most: most + 1),
    "one candidate more": _item("lengths", "candidates", lambda most: most + 1),
    "one key of metadata more": _item("lengths", "metadata_keys", lambda most: most + 1),
    "a longer key of metadata": _item("lengths", "metadata_key", lambda most: most + 1),
    "a blocked key let through": _facts("blocked_keys", lambda keys: keys - {"prompt"}),
    "no secrets": _item("patterns", "secret", lambda _: "\\x00\\x00"),
    "higher counts": _facts("most", lambda most: (most[0] + 1, *most[1:])),
    "a service without a name": _facts("service_name", lambda names: (names[0], f"{names[1]}:")),
    "a model told as the answer's": _facts(
        "first", lambda rows: _another_fact(rows, wire.GEN_AI_REQUEST_MODEL, "response_model")
    ),
    "a resource's older key first": _facts(
        "sender", lambda names: [(keys[::-1], default, name) for keys, default, name in names]
    ),
    "reasons of another type": _facts(
        "decisions", lambda types: types | {"tool_selection": types["tool_selection"] | types["approval"]}
    ),
    "an agent that is no run": _item("roles", "invoke_agent", lambda _: "leaf"),
    "a word in front that is not skipped": _facts("labels_of_words", lambda words: words - {"type"}),
    "longer indexes of documents": _facts("document_digits", lambda digits: digits + 1),
    "a failed call that confirms its tool": _item("patterns", "ran", lambda pattern: f"{pattern}|_OTHER"),
    "a denied call that ran": _item("agent_spans", "denies", lambda _: set()),
    "a wait for nobody": _item("agent_spans", "persons", lambda _: set()),
    "a wrapper that is a turn": _item("agent_spans", "side_wrappers", lambda _: set()),
    "calls that end when they begin": _spans("begun", lambda _: set()),
    "a run that its calls do not tell": _spans("calls_tell_runs", lambda flag: not flag),
    "a failure that is not the last": _spans("is_failure_final", lambda flag: not flag),
    "keys of no meaning": _spans("facts", lambda _: []),
    "spans that are not read": _spans("links", lambda _: set()),
    "states swapped": _facts("statuses", lambda words: [words[1], words[0], words[2]]),
}


def test_every_fault_is_found() -> None:
    """An engine with one loosened or misrouted fact differs from Python within some thousands of cases."""
    policy = POLICIES[0]
    waiting = {name: NativeEngine(policy, change(engine_facts(policy))) for name, change in FAULTS.items()}
    for tried, case in enumerate(mutated(SEED + 1, FAULT_CASES, ("edges", "semantic"), [policy]), start=1):
        if not waiting:
            break
        # Faults of rows; those of copies: `test_differential_copies`.
        alone = replace(case, gate=None)
        expected = outcome(decode_traces, alone)
        found = [name for name, engine in waiting.items() if outcome(engine.traces, alone) != expected]
        for name in found:
            del waiting[name]
            print(f"{name}: found by case {tried} ({case.kind})")
    assert sorted(waiting) == []
