"""Evaluations counted and compared: the figures are those of scipy, and find nothing where there are few runs."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Final
from uuid import UUID

import numpy as np
import pytest
from scipy.stats import false_discovery_control, mannwhitneyu, ttest_ind

from agenttrace_collector.query.reader import Reader
from agenttrace_schemas.rows import DecisionRow, EvaluationRow, RunRow, SignalRow
from tests.support.database import insert_statement, new_database, valid_row

RUNS: Final = 60
AT: Final = "2026-09-21 12:00:00"
OF: Final = {"tenant": "default", "agent_id": "planner", "environment": "prod", "created_at": AT}


def version(run: int) -> str:
    """Even runs are of version 1."""
    return str(1 + run % 2)


def numbers() -> Mapping[int, Sequence[float]]:
    """Of each run the numbers that an evaluator gave: one to three, some equal to others'."""
    rng = random.Random(3)
    return {
        run: [
            round(rng.gauss(0.5 + 0.1 * (run % 2) + 0.2 * (run % 3 == 0), 0.3), 1) for _ in range(1 + run % 3)
        ]
        for run in range(RUNS)
    }


@cache
def reader() -> Reader:
    """A database with the runs; every third one fell back, every fifth one had no result, four were cautious."""
    database = new_database()
    ids = iter(range(1, 10_000))
    for run, found in numbers().items():
        of = {**OF, "run_id": str(UUID(int=run + 1)), "agent_version": version(run)}
        rows: list[tuple[Any, dict[str, Any]]] = [
            (RunRow, {"started_at": AT, "ended_at": AT, "status": "success", "source": "genai"}),
            *((EvaluationRow, {"name": "tone", "score": score, "recorded_at": AT}) for score in found),
        ]
        if run % 3 == 0:
            fell = {"decision_type": "orchestration_path", "reason_code": "fallback_path", "selected": "b"}
            rows.append((DecisionRow, {**fell, "recorded_at": AT}))
        if run % 5 == 0:
            empty = {"signal_type": "empty_retrieval", "signal_code": "no_results", "value": True}
            rows.append((SignalRow, {**empty, "recorded_at": AT}))
        if run < 4:
            rows.append((DecisionRow, {"recorded_at": AT}))
        for row, values in rows:
            own = {name: str(UUID(int=next(ids))) for name in ("evaluation_id", "decision_id", "signal_id")}
            kept = {name: each for name, each in own.items() if name in row.__dataclass_fields__}
            database.command(insert_statement(row, valid_row(row, **of, **values, **kept)))
    labels = {**OF, "run_id": str(UUID(int=1)), "agent_version": "1", "recorded_at": AT}
    label = valid_row(EvaluationRow, **labels, name="verdict", label="pass") | {"score": None}
    database.command(insert_statement(EvaluationRow, label))
    return Reader(database)


def asked(query: str, **filters: Any) -> list[dict[str, Any]]:
    """The rows of a named query, of all there is unless a filter says otherwise."""
    parameters = {
        **dict.fromkeys(("agent_id", "agent_version", "environment", "source", "tool", "name"), ""),
        "start_time": datetime(2026, 9, 21, tzinfo=UTC),
        "end_time": datetime(2026, 9, 22, tzinfo=UTC),
        **filters,
    }
    return reader().ask_now(query, "default", parameters).records()


def means(chosen: Any) -> np.ndarray[Any, Any]:
    """The mean of each run that is chosen."""
    return np.array([np.mean(found) for run, found in numbers().items() if chosen(run)])


def every_nth(step: int, wanted: bool, run: int) -> bool:  # noqa: FBT001 - bound by place
    """Whether a run is one of every so many, or none of them."""
    return (run % step == 0) is wanted


def same_as_scipy(row: Mapping[str, Any], first: Any, second: Any) -> None:
    """Difference, interval of Welch, p of Mann and Whitney, rank-biserial correlation."""
    interval = ttest_ind(first, second, equal_var=False).confidence_interval()
    ranks = mannwhitneyu(first, second, method="asymptotic")
    assert row["difference"] == pytest.approx(first.mean() - second.mean())
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(tuple(interval), abs=1e-6)
    assert row["p_value"] == pytest.approx(ranks.pvalue, rel=1e-6)
    assert row["effect_size"] == pytest.approx(2 * ranks.statistic / (len(first) * len(second)) - 1)


def test_versions_are_compared_by_the_means_of_runs() -> None:
    """Each run counts once, however often it was evaluated."""
    (row,) = asked("compare_evaluations", agent_id="planner", version_a="1", version_b="2")
    first, second = means(lambda run: run % 2 == 0), means(lambda run: run % 2 == 1)
    assert (row["name"], row["version_a_runs"], row["version_b_runs"]) == ("tone", 30, 30)
    assert (row["version_a_mean"], row["version_b_mean"]) == pytest.approx((first.mean(), second.mean()))
    same_as_scipy(row, second, first)


def test_a_version_differs_by_nothing_from_itself() -> None:
    """Both groups are the same runs."""
    (row,) = asked("compare_evaluations", agent_id="planner", version_a="1", version_b="1")
    assert (row["version_a_runs"], row["version_b_runs"], row["difference"]) == (30, 30, 0)


def test_decisions_and_signals_beside_evaluations() -> None:
    """Runs with each against those without, q over both; four cautious runs are not tested."""
    rows = {each["code"]: each for each in asked("correlate_evaluations")}
    every = {"fallback_path": 3, "no_results": 5}
    for code, step in every.items():
        same_as_scipy(rows[code], *(means(partial(every_nth, step, wanted)) for wanted in (True, False)))
    corrected = false_discovery_control([rows[code]["p_value"] for code in every])
    assert [rows[code]["q_value"] for code in every] == pytest.approx(list(corrected))
    few = rows["fresh_data_required"]
    assert (few["kind"], few["runs_present"], few["runs_absent"], few["test"]) == ("decision", 4, 56, "none")
    assert few["p_value"] is few["q_value"] is few["difference_low"] is few["effect_size"] is None
    assert few["difference"] == pytest.approx(
        means(lambda run: run < 4).mean() - means(lambda run: run > 3).mean()
    )


def test_evaluations_are_counted_by_name() -> None:
    """120 numbers of 60 runs; a verdict has a label and no number."""
    tone, verdict = asked("evaluations_aggregate")
    found = means(lambda _: True)
    assert (tone["name"], tone["count"], tone["runs"], tone["scored_runs"]) == ("tone", 120, 60, 60)
    assert (tone["mean"], tone["deviation"]) == pytest.approx((found.mean(), found.std(ddof=1)))
    half = 1.959963984540054 * found.std(ddof=1) / 60**0.5
    assert (tone["mean_low"], tone["mean_high"]) == pytest.approx((found.mean() - half, found.mean() + half))
    assert (tone["least"], tone["most"]) == pytest.approx((found.min(), found.max()))
    assert (verdict["count"], verdict["labels"], verdict["mean"], verdict["median"]) == (
        1,
        {"pass": 1},
        None,
        None,
    )


@pytest.mark.parametrize(
    ("filters", "count"), [({"name": "tone"}, 120), ({"agent_version": "1"}, 61), ({"agent_id": "x"}, 0)]
)
def test_filters_narrow(filters: dict[str, str], count: int) -> None:
    """As everywhere."""
    assert sum(each["count"] for each in asked("evaluations_aggregate", **filters)) == count
