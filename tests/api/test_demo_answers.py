"""Every endpoint over the 200 published runs of the demo, whose numbers are known.

The file says (its NOTICE, and `published` counts it again): 200 runs, 84 with reward 1; 1,164 tool steps of which
73 failed and 28 searches found nothing; 1,290 answers. 48 of the tool steps hand over to a human: they are steps,
but no calls with a latency, so 2,454 - 48 = 2,406 are under the threshold. The replay records what follows from an
outcome and no decision at all; what is derived from the steps is told apart by its source.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from statsmodels.stats.proportion import proportions_ztest

from tests.support.api import Api
from tests.support.demo_data import OF_AGENT, VERSION, filled_with_demo, published

RUNS, REACHED, STEPS = 200, 84, 1_164 + 1_290


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Asked as anyone may: without tokens."""
    with filled_with_demo(tmp_path_factory.mktemp("demo")) as collector:
        yield Api(collector)


def of_tools() -> list[dict[str, Any]]:
    """The tool steps of the file."""
    return [step for run in published() for step in run["steps"] if step["type"] == "tool"]


def with_outcome(outcome: str) -> list[dict[str, Any]]:
    """The runs of the file in which a tool step ended so."""
    return [run for run in published() if any(step.get("outcome") == outcome for step in run["steps"])]


def test_the_file_holds_what_is_said_of_it() -> None:
    """The numbers of this module, counted once more."""
    outcomes = [step["outcome"] for step in of_tools()]
    assert (len(published()), sum(run["reward"] == 1 for run in published())) == (RUNS, REACHED)
    assert (len(outcomes), outcomes.count("error"), outcomes.count("empty")) == (1_164, 73, 28)
    assert (len(with_outcome("error")), len(with_outcome("empty"))) == (36, 16)


def test_stats(api: Api) -> None:
    """9 decisions are derived: 4 fell back to another tool, 5 spent their attempts."""
    assert api.found("/v1/stats", **OF_AGENT) == {
        "runs": RUNS,
        "successful": REACHED,
        "failed": RUNS - REACHED,
        "partial": 0,
        "agents": 1,
        "versions": 1,
        "steps": STEPS,
        "failures": 0,
        "decisions": 9,
        "quality_signals": 1_338,
        "evaluations": 0,
    }


def test_over_time(api: Api) -> None:
    """The intervals add up to the runs; a replay may cross midnight."""
    intervals = api.found("/v1/stats/over-time", **OF_AGENT)["intervals"]
    assert sum(each["runs"] for each in intervals) == RUNS
    assert sum(each["successful"] for each in intervals) == REACHED


def test_agents(api: Api) -> None:
    """The replayed one, four examples, the sender of what is refused, and coding agents."""
    agents = {each["agent_id"]: each["runs"] for each in api.found("/v1/agents")["agents"]}
    coding = {name: agents.pop(name) for name in ("claude-code", "codex", "gemini-cli")}
    assert min(coding.values()) > 1
    assert agents == {
        "airline-support": RUNS,
        "forbidden-sender": 1,
        "handbook-search": 5,
        "seat-helper": 4,
        "support-desk": 4,
        "trip-desk": 5,
    }


@pytest.mark.parametrize(
    ("status", "total"), [("success", REACHED), ("failure", RUNS - REACHED), ("partial", 0)]
)
def test_runs(api: Api, status: str, total: int) -> None:
    """By how they ended: reward 1 is success."""
    found = api.found("/v1/runs", status=status, page_size=1, **OF_AGENT)
    assert found["total"] == total
    assert {run["status"] for run in found["runs"]} <= {status}


def test_a_run_and_what_belongs_to_it(api: Api) -> None:
    """The last run of the file is the latest: its steps in order, its tools by name."""
    (latest,) = api.found("/v1/runs", page_size=1, **OF_AGENT)["runs"]
    steps = published()[-1]["steps"]
    assert latest == api.found(f"/v1/runs/{latest['run_id']}")
    assert latest["steps"] == len(steps)
    details = api.found(f"/v1/runs/{latest['run_id']}/details")
    listed = api.found(f"/v1/runs/{latest['run_id']}/steps")["steps"]
    leaves = [step["name"] for step in listed if step["operation"] != "invoke_agent"]
    assert leaves == [step.get("tool", "respond") for step in steps]
    assert details["run"] == latest
    assert details["steps"] == listed
    assert api.found(f"/v1/runs/{latest['run_id']}/failures")["failures"] == details["failures"] == []


def test_signals_that_were_recorded(api: Api) -> None:
    """One for each tool step by its attempt, one for each empty search and each repetition."""
    found = api.found("/v1/signals/aggregate", source="recorded", **OF_AGENT)
    tools = of_tools()
    assert counts(found) == {
        ("empty_retrieval", "no_results"): (28, 0),
        ("tool_success", "first_attempt"): by_outcome([step for step in tools if step["attempt"] == 1]),
        ("tool_success", "after_retry"): by_outcome([step for step in tools if step["attempt"] > 1]),
        ("retry_occurred", "single_retry"): (sum(step["attempt"] == 2 for step in tools), 0),
        ("retry_occurred", "multiple_retries"): (sum(step["attempt"] > 2 for step in tools), 0),
    }


def test_signals_that_are_derived(api: Api) -> None:
    """Each failed tool step; a tool called again after it had failed; nothing of what stayed below a threshold."""
    found = api.found("/v1/signals/aggregate", source="derived", **OF_AGENT)
    told = counts(found)
    assert told["tool_failure", "unavailable"] == (73, 0)
    assert {"latency_threshold", "token_usage"}.isdisjoint(kind for kind, _ in told)
    (failed,) = [row for row in found["aggregations"] if row["signal_code"] == "unavailable"]
    assert failed["runs"] == failed["runs_with_true"] == 36


def counts(found: Any) -> dict[tuple[str, str], tuple[int, int]]:
    """True and false by type and code."""
    return {
        (row["signal_type"], row["signal_code"]): (row["true_count"], row["false_count"])
        for row in found["aggregations"]
    }


def by_outcome(steps: list[dict[str, Any]]) -> tuple[int, int]:
    """How many ended well, how many failed."""
    failed = sum(step["outcome"] == "error" for step in steps)
    return len(steps) - failed, failed


def test_decisions(api: Api) -> None:
    """Derived ones only: the data hold no reasons."""
    found = api.found("/v1/decisions/aggregate", **OF_AGENT)
    rows = {row["reason_code"]: (row["count"], row["runs"]) for row in found["aggregations"]}
    assert rows == {"fallback_path": (4, 4), "retry_budget_exhausted": (5, 5)}
    assert api.found("/v1/decisions/aggregate", source="recorded", **OF_AGENT)["aggregations"] == []


def test_failures_and_refusals(api: Api) -> None:
    """One example records a failure; each of the eight forbidden events is refused by a rule of its own."""
    (failure,) = api.found("/v1/failures/aggregate", agent_id="trip-desk")["aggregations"]
    assert (failure["failure_type"], failure["failure_code"], failure["count"]) == ("tool", "timeout", 1)
    refused = api.found("/v1/rejections/aggregate")
    assert (refused["total"], refused["total_rejections"]) == (8, 8)
    assert api.found("/v1/rejections/aggregate", **OF_AGENT)["total"] == 0


def test_signals_and_outcomes(api: Api) -> None:
    """Of the 16 runs with an empty search 4 reached their goal, of the other 184 runs 80."""
    rows = api.found("/v1/correlate/signals-outcomes", **OF_AGENT)["correlations"]
    (empty,) = [row for row in rows if row["signal_type"] == "empty_retrieval"]
    reached = sum(run["reward"] == 1 for run in with_outcome("empty"))
    assert (empty["runs_present"], empty["outcome_present"], reached) == (16, 4, 4)
    assert (empty["runs_absent"], empty["outcome_absent"]) == (184, 80)
    assert empty["difference"] == pytest.approx(4 / 16 - 80 / 184)
    assert empty["p_value"] == pytest.approx(proportions_ztest([4, 80], [16, 184])[1])


def test_decisions_and_failures(api: Api) -> None:
    """No failure is recorded of these runs, so that none follows a decision; four runs are too few to test."""
    rows = api.found("/v1/correlate/decisions-failures", **OF_AGENT)["correlations"]
    told = {row["reason_code"]: (row["runs"], row["runs_with_failures"], row["test"]) for row in rows}
    assert told == {"fallback_path": (4, 0, "none"), "retry_budget_exhausted": (5, 0, "none")}


def test_a_version_beside_itself(api: Api) -> None:
    """There is one version: whatever is compared with itself differs by nothing."""
    both = {"version_a": VERSION, "version_b": VERSION}
    compared = api.found("/v1/compare/versions", **both, **OF_AGENT)["comparison"]
    assert {row["difference"] for row in compared["outcome_deltas"]} == {0.0}
    assert {row["difference"] for row in compared["signal_deltas"]} == {0.0}
    (success,) = [row for row in compared["outcome_deltas"] if row["outcome"] == "success"]
    assert (success["version_a_runs_with"], success["version_a_runs"]) == (REACHED, RUNS)
