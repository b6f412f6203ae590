"""Python and the compiled engine make the same rows of any run that the engine accepts: half a million in full.

That the comparison finds differences is shown with faults in the facts of an engine: each must be found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from agenttrace_collector.settle.native import NativeSettling
from agenttrace_collector.settle.native_facts import settling_facts
from tests.support.differential import POLICIES
from tests.support.differential_settling import context, in_rounds
from tests.support.native import needs_engine
from tests.support.proof import FULL
from tests.support.settling_mutations import cases
from tests.support.stored_runs import StoredRun

pytestmark = needs_engine
CASES = 500_000 if FULL else 2_000
# Within so many cases each fault is found.
FAULT_CASES = 40_000
SEED = 20_261_128


def test_no_run_makes_other_rows() -> None:
    """Not one of all cases differs, in rows or in what is told of the run."""
    different: list[StoredRun] = []
    handed_back = 0
    for number, policy in enumerate(POLICIES):
        engine, this = NativeSettling(policy), context(policy)
        for each in in_rounds(cases(SEED + number, CASES // len(POLICIES)), this):
            different += [found.run for found in each.differences(engine)]
        assert engine.counts.declined == 0
        handed_back += engine.counts.handed_back
    print(f"{CASES:,} cases, {handed_back:,} runs handed back")
    for run in different[:10]:
        print(run)
    assert len(different) == 0
    assert handed_back < CASES / 4


def _fact(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda facts: facts | {name: change(facts[name])}


def _item(name: str, key: str, value: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return _fact(name, lambda items: items | {key: value(items[key])})


def _selected_otherwise(rules: list[Any]) -> list[Any]:
    return [(*each[:4], "json") if each[0] == "response.length" else each for each in rules]


FAULTS: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "an embedding that is a model": _item("kinds", "embeddings", lambda _: "model"),
    "a task that is no wrapper": _item("kinds", "task", lambda _: "other"),
    "a fact that is not taken over": _fact(
        "shared", lambda names: [each for each in names if each != "model"]
    ),
    "a call's id that is not taken over": _fact(
        "shared", lambda names: [each for each in names if each != "call_id"]
    ),
    "a source that is believed": _fact("stated", lambda sources: sources | {"genai"}),
    "a denial that is an error": _fact("denied", lambda words: words - {"denied"}),
    "a wait that is none": _fact("waits", lambda _: {"nothing"}),
    "a wrapper of side calls that is none": _fact("side_wrappers", lambda _: {"nothing"}),
    "an error's word in another order": _fact("failure_words", lambda words: words[::-1]),
    "a letter that is not left out": _fact("between_words", lambda letters: letters - {"-"}),
    "a failure that passes": _fact("transient", lambda codes: codes - {"timeout"}),
    "a failed retrieval that is one of a tool": _item("failure_of_kind", "rerank", lambda _: "tool"),
    "another selection": _fact("derivations", _selected_otherwise),
    "an error that shows that a tool ran": _item("patterns", "ran", lambda pattern: f"{pattern}|_OTHER"),
    "a name that is an identity": _fact("no_identity", lambda names: names - {"_redacted"}),
    "a longer tolerance": _item("numbers", "tolerance", lambda most: most + 1),
    "fewer answers that are looked at": _item("numbers", "looked_at", lambda _: 1),
    "records that are counted for longer": _item("numbers", "after_end", lambda most: most + 1),
    "a larger sum": _item("numbers", "most_summed", lambda most: most + 1),
    "a code of another type": _item("signals", "tool_success", lambda codes: codes | {"site_rule"}),
    "secrets in codes": _item("patterns", "secret", lambda _: "\\x00\\x00"),
    "metadata that is blocked": _fact("blocked_keys", lambda keys: keys - {"prompt"}),
    "more keys of metadata": _item("numbers", "metadata_keys", lambda most: most + 100),
    "longer values of metadata": _item("numbers", "metadata", lambda most: most + 1_000),
    "substitutes that are names": _item("patterns", "stood_for", lambda _: "\\x00\\x00"),
    "another sentence": _fact("failure_message", lambda form: f"{form}."),
    "another version of the rules": _fact("rules_version", lambda version: version + 1),
}


def test_every_fault_is_found() -> None:
    """An engine with one loosened or misrouted fact differs from Python within some thousands of cases."""
    policy = POLICIES[0]
    this = context(policy)
    waiting = {
        name: NativeSettling(policy, change(settling_facts(policy))) for name, change in FAULTS.items()
    }
    for number, each in enumerate(in_rounds(cases(SEED + 9, FAULT_CASES), this), start=1):
        if not waiting:
            break
        for name in [name for name, engine in waiting.items() if any(each.differences(engine))]:
            del waiting[name]
            print(f"{name}: found in round {number}")
    assert sorted(waiting) == []
