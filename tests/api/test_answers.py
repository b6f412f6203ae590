"""Every endpoint over 24 runs whose numbers can be counted by hand.

The agent `planner` ran 12 times in version 1 (runs 0 to 11) and 12 times in version 2 (runs 12 to 23).
Each run has one tool step and one decision: `fresh_data_required` in runs 0 to 17, `cached_data_sufficient`
in runs 18 to 23. A failure came after the decision in runs 0 to 2 and 18 to 21, before it in run 12.
`first_attempt` was observed as true in the 16 runs without a failure, as false in runs 0 to 2.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.support.api import Api
from tests.support.collector import running_collector
from tests.support.http import counted
from tests.support.receivers import wait_until
from tests.support.run_documents import moment, run_document

FAILED_AFTER = (0, 1, 2, 18, 19, 20, 21)
FAILED_BEFORE = 12
RECORDED = {"agent_id": "planner", "source": "recorded"}
FRESH = {"decision_type": "tool_selection", "reason_code": "fresh_data_required"}
CACHED = {"decision_type": "tool_selection", "reason_code": "cached_data_sufficient"}
FIRST = {"signal_type": "tool_success", "signal_code": "first_attempt"}


def run_id(number: int) -> str:
    """The id of a run."""
    return str(UUID(int=number + 1))


def run(number: int, now: int) -> dict[str, Any]:
    """One of the 24 runs; those of version 1 began ten minutes before those of version 2."""
    began = -1200 if number < 12 else -600
    failed = number in FAILED_AFTER
    at = began + 3 if failed else began + 1
    failure = {
        "failure_type": "tool",
        "failure_code": "timeout",
        "step_id": "s",
        "occurred_at": moment(at, now),
    }
    chosen = {**FRESH, "confidence": 0.5} if number < 18 else CACHED
    decision = {**chosen, "selected": "search", "step_id": "s", "recorded_at": moment(began + 2, now)}
    refused = {**decision, "selected": "what the user said"}
    is_well = not failed and number != FAILED_BEFORE
    observed = [{**FIRST, "value": is_well, "step_id": "s"}] if is_well or number < 12 else []
    return run_document(
        now,
        run_id=run_id(number),
        agent_id="planner",
        agent_version="1" if number < 12 else "2",
        status="failure" if failed else "partial" if number == FAILED_BEFORE else "success",
        started_at=moment(began, now),
        ended_at=moment(began + 9, now),
        steps=[{"step_id": "s", "step_type": "tool", "name": "search", "started_at": moment(began, now)}],
        failure=None if is_well else failure,
        decisions=[decision, *([refused] if number == 0 else [])],
        quality_signals=observed,
    )


def evaluations() -> list[dict[str, Any]]:
    """Two of each run: its number in version 1, 12 more in version 2, and each time half a point above and below."""
    shared = {"name": "helpfulness", "label": "pass", "agent_id": "planner"}
    return [
        {**shared, "run_id": run_id(number), "score": number + (12 if number > 11 else 0) + half}
        for number in range(24)
        for half in (-0.5, 0.5)
    ]


@pytest.fixture(scope="module")
def now() -> int:
    """When the runs were sent."""
    return time.time_ns()


@pytest.fixture(scope="module")
def api(now: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A client of a collector that has the runs and does not settle them meanwhile."""
    with running_collector(tmp_path_factory.mktemp("collector"), derive__quiet="10m") as running:
        asked = Api(running)
        assert {asked.post(run(number, now)).status_code for number in range(24)} == {201}
        sent = {"evaluations": evaluations()}
        assert asked.send("POST", "/v1/evaluations", json=sent).json()["stored"] == 48
        wait_until(lambda: counted(running, "agenttrace_journal_rows") == 0, 20)
        yield asked


def test_counts(api: Api) -> None:
    """24 runs: 16 well, 7 failed, one in part."""
    assert api.found("/v1/stats") == {
        "runs": 24,
        "successful": 16,
        "failed": 7,
        "partial": 1,
        "agents": 1,
        "versions": 2,
        "steps": 24,
        "failures": 8,
        "decisions": 24,
        "quality_signals": 19,
        "evaluations": 48,
    }


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({}, 24),
        ({"status": "failure"}, 7),
        ({"status": "partial", "agent_version": "2"}, 1),
        ({"agent_version": "1"}, 12),
        ({"environment": "staging"}, 0),
        ({"agent_id": "somebody"}, 0),
    ],
)
def test_runs_by_filter(api: Api, filters: dict[str, str], total: int) -> None:
    """Each filter narrows what the others leave."""
    assert api.found("/v1/runs", **filters)["total"] == total


def test_a_range_of_time_includes_its_start_only(api: Api, now: int) -> None:
    """Ten minutes between the versions: from the later runs' start on, up to the earlier runs' start."""
    assert api.found("/v1/runs", start_time=moment(-600, now))["total"] == 12
    assert api.found("/v1/runs", end_time=moment(-600, now))["total"] == 12
    assert api.found("/v1/runs", start_time=moment(-1200, now), end_time=moment(-1200, now))["total"] == 0


def test_pages_hold_each_run_once(api: Api) -> None:
    """24 in pages of 10; the page after the last is empty and knows how many there are."""
    pages = [api.found("/v1/runs", page=page, page_size=10) for page in (1, 2, 3, 4)]
    ids = [run["run_id"] for page in pages for run in page["runs"]]
    assert [len(page["runs"]) for page in pages] == [10, 10, 4, 0]
    assert {page["total"] for page in pages} == {24}
    assert sorted(ids) == [run_id(number) for number in range(24)]


def test_a_run_and_its_parts(api: Api) -> None:
    """Run 0: one step, which failed, one decision, one signal; what was refused is not there."""
    details = api.found(f"/v1/runs/{run_id(0)}/details")
    assert details["run"] == api.found(f"/v1/runs/{run_id(0)}")
    assert details["steps"] == api.found(f"/v1/runs/{run_id(0)}/steps")["steps"]
    assert (
        details["failures"] == api.found(f"/v1/runs/{run_id(0)}/failures")["failures"] == [details["failure"]]
    )
    assert (details["run"]["status"], details["steps"][0]["status"]) == ("failure", "error")
    assert [each["selected"] for each in details["decisions"]] == ["search"]
    assert [each["value"] for each in details["quality_signals"]] == [False]
    assert details["failure"]["message"] == "tool failure: timeout"


def test_agents(api: Api) -> None:
    """One agent, two versions, twelve runs each."""
    agents = api.found("/v1/agents")["agents"]
    assert [(each["agent_id"], each["agent_version"], each["runs"]) for each in agents] == [
        ("planner", "1", 12),
        ("planner", "2", 12),
    ]


def test_rejections(api: Api) -> None:
    """The one decision that said what a user said; the key, never the value."""
    found = api.found("/v1/rejections/aggregate")
    named = [
        (each["kind"], each["rule"], each["attribute_key"], each["count"]) for each in found["aggregations"]
    ]
    assert named == [("decision", "label.pattern", "agenttrace.decision.selected", 1)]
    assert found["total_rejections"] == 1


def test_decisions(api: Api) -> None:
    """6 cached without a confidence, 18 fresh with 0.5."""
    found = api.found("/v1/decisions/aggregate", **RECORDED)
    cached = {**CACHED, "count": 6, "avg_confidence": None, "agent_versions": ["2"], "runs": 6}
    fresh = {**FRESH, "count": 18, "avg_confidence": 0.5, "agent_versions": ["1", "2"], "runs": 18}
    assert (found["aggregations"], found["total_decisions"], found["total"]) == ([cached, fresh], 24, 2)


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({"agent_version": "1"}, 12),
        ({"decision_type": "retry_strategy"}, 0),
        ({"source": "derived"}, 0),
        ({"source": "all"}, 24),
        ({"tool": "search"}, 24),
        ({"tool": "browser"}, 0),
    ],
)
def test_decisions_by_filter(api: Api, filters: dict[str, str], total: int) -> None:
    """Nothing is derived of a run that is not settled."""
    assert api.found("/v1/decisions/aggregate", **filters)["total_decisions"] == total


def test_signals(api: Api) -> None:
    """True 16 times, false 3 times: 84.21 percent."""
    found = api.found("/v1/signals/aggregate", **RECORDED)
    (first,) = found["aggregations"]
    assert (first["true_count"], first["false_count"], first["true_percentage"]) == (16, 3, 84.2105)
    assert (first["runs"], first["runs_with_true"], found["total_signals"]) == (19, 16, 19)


def test_versions(api: Api) -> None:
    """Fresh fell from 12 runs of 12 to 6 of 12; cached went from none, of which there is no percentage, to 6.

    Of the tables with these margins the observed one has probability C(12,6)/C(24,6), and so has its mirror.
    """
    found = api.found("/v1/compare/versions", **RECORDED, version_a="1", version_b="2")
    cached, fresh = found["comparison"]["decision_deltas"]
    assert (cached["version_a_count"], cached["version_b_count"], cached["delta_percentage"]) == (0, 6, None)
    assert (fresh["version_a_count"], fresh["version_b_count"], fresh["delta_percentage"]) == (12, 6, -50)
    assert (fresh["difference"], fresh["test"], fresh["under_support"]) == (-0.5, "exact", False)
    assert fresh["p_value"] == fresh["q_value"] == pytest.approx(2 * 924 / 134_596)


def test_signals_and_outcomes_of_versions(api: Api) -> None:
    """True in 9 of 12 occurrences, then in 7 of 7; well ended 9 of 12 runs, then 7 of 12."""
    found = api.found("/v1/compare/versions", **RECORDED, version_a="1", version_b="2")["comparison"]
    (signal,) = found["signal_deltas"]
    outcomes = {each["outcome"]: each for each in found["outcome_deltas"]}
    assert (signal["version_a_true_rate"], signal["version_b_true_rate"], signal["delta"]) == (0.75, 1, 0.25)
    assert (outcomes["success"]["version_a_count"], outcomes["success"]["version_b_count"]) == (9, 7)
    assert (outcomes["partial"]["version_a_count"], outcomes["partial"]["version_b_count"]) == (0, 1)


def test_failures_after_decisions(api: Api) -> None:
    """Fresh: 3 of 18 runs failed after it, 4 in any order; cached: 4 of 6, and 4 of the 18 others."""
    found = api.found("/v1/correlate/decisions-failures", **RECORDED)["correlations"]
    cached, fresh = found
    assert (fresh["total_occurrences"], fresh["runs_with_failures"]) == (18, 3)
    assert fresh["correlation_rate"] == pytest.approx(3 / 18)
    assert (fresh["runs_with_failures_in_any_order"], fresh["associated_failure_types"]) == (4, {"tool": 3})
    assert (cached["runs_with_failures"], cached["associated_failure_types"]) == (4, {"tool": 4})
    assert cached["difference"] == pytest.approx(4 / 6 - 4 / 18)
    assert (cached["under_support"], cached["test"], cached["p_value"]) == (True, "none", None)


def test_failures_of_a_type(api: Api) -> None:
    """All were of tools."""
    found = api.found("/v1/correlate/decisions-failures", **RECORDED, failure_type="model")["correlations"]
    assert [each["runs_with_failures"] for each in found] == [0, 0]


@pytest.mark.parametrize(
    ("outcome", "present", "absent", "phi"), [("success", 1, 0, 1), ("partial", 0, 1 / 8, None)]
)
def test_outcomes_with_and_without_a_signal(
    api: Api, outcome: str, present: float, absent: float, phi: float | None
) -> None:
    """16 runs with the signal, all of which ended well; 8 without, none of which did and one ended in part."""
    found = api.found("/v1/correlate/signals-outcomes", **RECORDED, outcome=outcome)["correlations"]
    (first,) = found
    assert (first["total_occurrences"], first["runs_present"], first["runs_absent"]) == (16, 16, 8)
    assert (first["success_rate_when_present"], first["success_rate_when_absent"]) == (present, absent)
    assert phi is None or first["correlation_strength"] == pytest.approx(phi)


def test_the_vocabulary(api: Api) -> None:
    """Eight decision types with 44 reasons, twelve signal types with 38 codes."""
    found = api.found("/v1/vocabulary")
    assert (len(found["decision_types"]), sum(map(len, found["decision_types"].values()))) == (8, 44)
    assert (len(found["signal_types"]), sum(map(len, found["signal_types"].values()))) == (12, 38)


def test_evaluations(api: Api) -> None:
    """Runs 0 to 11 have the numbers 0 to 11, runs 12 to 23 the numbers 24 to 35: 17.5 in the mean."""
    (one,) = api.found("/v1/evaluations/aggregate", agent_id="planner")["aggregations"]
    assert (one["name"], one["count"], one["runs"], one["scored_runs"]) == ("helpfulness", 48, 24, 24)
    assert (one["mean"], one["least"], one["most"], one["labels"]) == (17.5, 0, 35, {"pass": 48})
    assert len(api.found(f"/v1/runs/{run_id(3)}/details")["evaluations"]) == 2


def test_evaluations_of_versions(api: Api) -> None:
    """5.5 in the mean of version 1, 29.5 of version 2; every run of one is above every run of the other."""
    found = api.found("/v1/compare/versions", **RECORDED, version_a="1", version_b="2")["comparison"]
    (one,) = found["evaluation_deltas"]
    assert (one["version_a_mean"], one["version_b_mean"], one["difference"]) == (5.5, 29.5, 24)
    assert (one["effect_size"], one["test"], one["under_support"]) == (1, "mann_whitney", False)
    assert one["p_value"] == one["q_value"] == pytest.approx(3.6e-5, rel=0.05)


def test_evaluations_beside_decisions_and_signals(api: Api) -> None:
    """Cached was stated in runs 18 to 23, with the numbers 30 to 35: six runs, too few to be tested."""
    cached, *others = api.found("/v1/correlate/evaluations", **RECORDED)["correlations"]
    assert {each["code"] for each in others} == {"fresh_data_required", "first_attempt"}
    assert (cached["runs_present"], cached["mean_present"], cached["runs_absent"]) == (6, 32.5, 18)
    assert (cached["under_support"], cached["p_value"], cached["difference_low"]) == (True, None, None)
    assert cached["difference"] == pytest.approx(32.5 - 12.5)
