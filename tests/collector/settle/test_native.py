"""The compiled engine on real runs: the same rows as Python's, and hardly a run handed back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from agenttrace_collector.config.problems import ConfigError
from agenttrace_collector.decode import compiled
from agenttrace_collector.decode.compiled import MODULE, EngineMissing
from agenttrace_collector.settle.engine import open_settling, settling_readings, settling_state
from agenttrace_collector.settle.native import SEAM, NativeSettling
from agenttrace_collector.settle.native_facts import settling_facts
from agenttrace_collector.telemetry.metrics import METRICS, Sample
from agenttrace_schemas.rules import Policy
from tests.support.differential import POLICIES
from tests.support.differential_settling import ComparedRuns, context, in_rounds
from tests.support.native import needs_engine
from tests.support.settling_mutations import cases
from tests.support.stored_runs import (
    CONTEXT,
    StoredRun,
    agent_runs,
    as_read,
    corpus_runs,
    reference_runs,
)

THIS = context(CONTEXT.policy)


@pytest.fixture(scope="module")
def engine() -> NativeSettling:
    """One engine for all: building it compiles its patterns."""
    return NativeSettling(CONTEXT.policy)


@needs_engine
@pytest.mark.parametrize(
    ("runs", "most_handed_back"), [(corpus_runs, 0.04), (agent_runs, 0.02), (lambda: reference_runs(20), 0.0)]
)
def test_real_runs_make_the_same_rows(
    engine: NativeSettling, runs: Callable[[], Sequence[StoredRun]], most_handed_back: float
) -> None:
    """What is handed back calls tools under names that other calls may confirm."""
    before = engine.counts.handed_back
    found = {(run.tenant, run.run_id): run for run in runs()}
    assert list(ComparedRuns(list(found.values()), THIS).differences(engine)) == []
    assert engine.counts.handed_back - before <= most_handed_back * len(found)
    assert engine.counts.declined == 0


@needs_engine
def test_changed_runs_make_the_same_rows() -> None:
    """A few of those that `make prove NAME=differential-settling` compares, for each policy."""
    for number, policy in enumerate(POLICIES):
        changed, this = NativeSettling(policy), context(policy)
        for each in in_rounds(cases(number, 300), this):
            assert list(each.differences(changed)) == []


@needs_engine
def test_a_run_with_an_unconfirmed_tool_is_handed_back_whole(engine: NativeSettling) -> None:
    """Between others, which are accepted; the rows of another tenant's run of the same id are nobody's."""
    one, odd, other = reference_runs(3)
    odd.steps[0] = replace(odd.steps[0], tool_name="_unconfirmed_0a1b2c3d")
    strangers = StoredRun("initech", one.run_id, [replace(each, tenant="initech") for each in one.steps])
    accepted = engine.accept(
        [each.mark for each in (one, odd, other)], as_read([strangers, one, odd, other]), THIS
    )
    assert accepted.left == [odd.mark]
    assert accepted.stored == as_read([odd])
    assert [run.key[1] for made in accepted.made for run in made.runs] == [one.run_id, other.run_id]
    (made,) = accepted.made
    assert made.of_run("run_facts", 0) + made.of_run("run_facts", 1) == made.blocks["run_facts"]


@needs_engine
def test_what_cannot_be_read_is_left_to_python(engine: NativeSettling) -> None:
    """Rows that are cut off, and rounds under another policy than the engine's."""
    (run,) = reference_runs(1)
    stored = as_read([run])
    cut, before = stored._replace(steps=stored.steps[:-1]), engine.counts.declined
    for rows, this in ((cut, THIS), (stored, context(Policy()))):
        assert engine.accept([run.mark], rows, this) == ((), [run.mark], rows)
    assert engine.counts.declined == before + 2


@needs_engine
def test_a_panic_leaves_the_round_to_python(engine: NativeSettling) -> None:
    """The attempt after the largest number that a column holds is one more than the engine can count."""
    (run,) = reference_runs(1)
    first, second = run.steps[:2]
    failed = replace(first, status="error", attempt=2**64 - 1)
    again = replace(second, tool_name=first.tool_name, name=first.name, started_at=first.ended_at)
    run.steps[:] = [failed, replace(again, ended_at=again.started_at + 1)]
    before = engine.counts.declined
    assert engine.accept([run.mark], as_read([run]), THIS).left == [run.mark]
    assert engine.counts.declined == before + 1


def _with_column(facts: dict[str, Any]) -> Mapping[str, Any]:
    return facts | {"tables": [(name, [*columns, ("new", "String")]) for name, columns in facts["tables"]]}


def _with_rule(facts: dict[str, Any]) -> Mapping[str, Any]:
    return facts | {"derivations": [*facts["derivations"], ("new.rule", "signal", "tool_success", "new", "")]}


def _without_rule(facts: dict[str, Any]) -> Mapping[str, Any]:
    return facts | {"derivations": facts["derivations"][1:]}


def _with_kind(facts: dict[str, Any]) -> Mapping[str, Any]:
    return facts | {"kinds": facts["kinds"] | {"plan": "planning"}}


def _with_threshold(facts: dict[str, Any]) -> Mapping[str, Any]:
    return facts | {"thresholds": facts["thresholds"] | {"cost.high"}}


def _without_word(facts: dict[str, Any]) -> Mapping[str, Any]:
    return facts | {"closed": facts["closed"] | {"roles": {"leaf", "agent"}}}


def _with_shared(facts: dict[str, Any]) -> Mapping[str, Any]:
    return facts | {"shared": [*facts["shared"], "role"]}


@needs_engine
@pytest.mark.parametrize(
    "change",
    [_with_column, _with_rule, _without_rule, _with_kind, _with_threshold, _without_word, _with_shared],
)
def test_a_fact_that_is_not_known_ends_the_building(
    change: Callable[[dict[str, Any]], Mapping[str, Any]],
) -> None:
    """Python settles until the engine has it."""
    with pytest.raises(EngineMissing):
        NativeSettling(Policy(), change(settling_facts(Policy())))


@needs_engine
def test_an_engine_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that was built before it could settle."""
    assert SEAM == import_module(MODULE).Settler.SEAM
    for module in (SimpleNamespace(Settler=SimpleNamespace(SEAM=SEAM + 1)), SimpleNamespace()):
        monkeypatch.setattr(compiled, "import_module", lambda _, found=module: found)
        assert open_settling("auto", Policy()).name == "python"


def test_python_settles_where_nothing_else_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` never keeps a collector from starting; `native` says what to install."""
    monkeypatch.setattr(compiled, "MODULE", "agenttrace_native_that_is_not_there")
    assert open_settling("auto", Policy()).name == open_settling("python", Policy()).name == "python"
    with pytest.raises(ConfigError, match=r"decode\.engine: .*pip install \./collector/native"):
        open_settling("native", Policy())


def test_health_and_metrics_name_the_engine() -> None:
    """With what was left to Python."""
    engine = open_settling("python", Policy())
    assert settling_state(engine) == {"engine": "python", "handed_back_runs": 0, "declined_rounds": 0}
    readings = list(settling_readings(engine))
    assert {reading.name for reading in readings} <= METRICS.keys()
    assert Sample("agenttrace_settle_engine", 1, {"engine": "python"}) in readings
