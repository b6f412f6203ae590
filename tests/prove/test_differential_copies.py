"""Faults in the facts of a compiled gate are found by the mutations with which `test_differential` compares copies too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, Final

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode.compiled import MODULE
from agenttrace_collector.decode.engine import PythonEngine
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.forward.compiled import gate_facts
from agenttrace_collector.forward.gate import Gate, open_gate
from agenttrace_schemas import wire
from tests.support.differential import POLICIES, mutated, outcome
from tests.support.native import needs_engine

pytestmark = needs_engine
# Within so many cases each fault is found.
CASES: Final = 80_000
SEED: Final = 20_260_131
POLICY: Final = POLICIES[1]
# What changes the facts of a gate.
Change = Callable[[dict[str, Any]], dict[str, Any]]


def _facts(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda facts: facts | {name: change(facts[name])}


def _made_as(name: str, before: str, after: str) -> Change:
    """Values of one form made as those of another."""
    return _facts(name, lambda rows: [(key, after if form == before else form) for key, form in rows])


AS_SENT: Final[Mapping[str, Change]] = {
    "conversations as names": _made_as("makers", "conversation", "name"),
    "ids as counts": _made_as("makers", "id", "count"),
    "requested tools as names": _made_as("families", "requested", "name"),
    "words as names": _made_as("makers", "finish_reason", "name"),
    "a tool's name that nothing confirms": _facts("unconfirmed", lambda keys: keys | {"tool_name": set()}),
    "any name of a span": _facts("span_name", lambda _: ".*"),
    "another place of documents": _facts("documents", lambda parts: (*parts[:2], ".x")),
    "shorter hashes": _facts("hash", lambda _: "[0-9a-f]{32}"),
}
GENAI: Final[Mapping[str, Change]] = {
    "models swapped": _facts("keys", lambda keys: keys | {"model": keys["response_model"]}),
    "an id of a call under another key": _facts("keys", lambda keys: keys | {"tool_call": keys["response"]}),
    "another word for those that nobody knows": _facts("other_word", lambda _: "unknown"),
    "a stamp more": _facts("stamps", lambda rows: [*rows, (wire.GEN_AI_REQUEST_MODEL, "name")]),
    "an event more": _facts("events", lambda events: events | {"said": ("said", "name")}),
    "a method more": _facts(
        "structure", lambda names: names | {"methods": names["methods"] | {"SAID": "HTTP SAID"}}
    ),
    "another kind": _facts("structure", lambda names: names | {"other_kind": "client"}),
    "failures as successes": _facts("endings", lambda ends: ends | {(0, 2): ends[0, 1], (1, 2): ends[1, 1]}),
    "a key of the resource more": _facts("resource", lambda keys: [*keys, "telemetry.sdk.name"]),
    "structure left out": _facts("keep_structure", lambda _: False),
}


def _faulty(conventions: str, changes: Mapping[str, Change]) -> tuple[Gate, dict[str, Gate]]:
    """The gate as it is, and with each fault."""
    settings = Forward.model_validate({"conventions": conventions})
    opened = open_gate(settings, POLICY)
    compiled = import_module(MODULE).Gate
    return opened, {
        name: replace(opened, compiled=compiled(change(gate_facts(settings, opened.stamp))))
        for name, change in changes.items()
    }


def test_every_fault_is_found() -> None:
    """A gate with one loosened or misrouted fact differs from Python within some thousands of cases."""
    engine, python = NativeEngine(POLICY), PythonEngine()
    found: set[str] = set()
    waiting = [_faulty("as_sent", AS_SENT), _faulty("genai", GENAI)]
    for tried, case in enumerate(mutated(SEED, CASES, ("edges", "semantic"), [POLICY]), start=1):
        if not any(gates for _, gates in waiting):
            break
        for opened, gates in waiting:
            expected = outcome(python.traces, case, opened)
            for name in [
                name for name, gate in gates.items() if outcome(engine.traces, case, gate) != expected
            ]:
                del gates[name]
                found.add(name)
                print(f"{name}: found by case {tried} ({case.kind})")
    assert found == AS_SENT.keys() | GENAI.keys()
