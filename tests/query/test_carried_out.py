"""Failures of the steps that carried out a decision: counted over runs, beside other reasons of the same type."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import pytest
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from agenttrace_collector.query.reader import Reader
from agenttrace_schemas.rows import DecisionRow, FailureRow, RunRow, StepRow
from tests.support.database import insert_statement, new_database, valid_row

AT: Final = "2026-09-21 12:00:00"
OF: Final = {
    "tenant": "default",
    "agent_id": "planner",
    "agent_version": "1",
    "environment": "prod",
    "created_at": AT,
}
FRESH, CACHED, EXACT = "fresh_data_required", "cached_data_sufficient", "accuracy_required"


class Chosen(NamedTuple):
    """A decision of a run, and what became of the step that carried it out: None if there was no such step."""

    reason: str
    end: str | None


def runs() -> Sequence[Sequence[Chosen]]:
    """Of each run its decisions: some of several reasons, some of one reason twice, some that no step carries out."""
    rng = random.Random(11)
    ends = ("ok", "ok", "error", "recorded", None)
    return [
        [
            Chosen(
                rng.choice((FRESH, CACHED, CACHED, EXACT) if run % 4 else (CACHED,)),
                rng.choice(ends if run % 3 else ends[:2]),
            )
            for _ in range(rng.choice((1, 1, 2, 3)))
        ]
        for run in range(70)
    ]


@cache
def reader() -> Reader:
    """A database with the runs, and a step that carries out nothing and fails in each of them."""
    database, rows = new_database(), defaultdict[Any, list[str]](list)
    for row, values in _rows():
        into, _, literals = insert_statement(row, valid_row(row, **OF, **values)).partition(" SELECT ")
        rows[into].append(literals.rpartition(" SETTINGS ")[0])
    for into, found in rows.items():
        database.command(f"{into} SELECT {' UNION ALL SELECT '.join(found)}")
    return Reader(database)


def _rows() -> Iterator[tuple[Any, dict[str, Any]]]:
    ids = iter(range(1_000, 10_000))
    for number, chosen in enumerate(runs(), start=1):
        of = {"run_id": str(UUID(int=number))}
        yield RunRow, {**of, "started_at": AT, "ended_at": AT, "status": "success", "source": "genai"}
        yield StepRow, {**_unlinked(next(ids)), **of, "status": "error"}
        for reason, end in chosen:
            decision = str(UUID(int=next(ids)))
            yield DecisionRow, {**of, "decision_id": decision, "reason_code": reason, "recorded_at": AT}
            if end is None:
                continue
            step = _unlinked(next(ids)) | {"decision_id": decision}
            yield StepRow, {**step, **of, "status": "error" if end == "error" else "ok"}
            if end == "recorded":
                failure = {"failure_id": str(UUID(int=next(ids))), "step_id": step["step_id"]}
                yield FailureRow, {**failure, **of, "occurred_at": AT}


def _unlinked(number: int) -> dict[str, Any]:
    return {"step_id": str(UUID(int=number)), "decision_id": None, "started_at": AT}


def asked(**filters: Any) -> dict[str, dict[str, Any]]:
    """The rows of the query by reason."""
    parameters = {
        **dict.fromkeys(("agent_id", "agent_version", "environment", "source", "tool"), ""),
        "start_time": datetime(2026, 9, 21, tzinfo=UTC),
        "end_time": datetime(2026, 9, 22, tzinfo=UTC),
        **filters,
    }
    rows = reader().ask_now("correlate_decisions_steps", "default", parameters).records()
    return {row["reason_code"]: row for row in rows}


def expected(reason: str) -> tuple[int, int, int, int, int]:
    """Decisions carried out; runs with the reason, failed of them; runs with others only, failed of them."""
    carried = [[each for each in chosen if each.end] for chosen in runs()]
    own = [[each for each in chosen if each.reason == reason] for chosen in carried]
    others = [chosen for chosen, mine in zip(carried, own, strict=True) if chosen and not mine]
    of_own = [chosen for chosen in own if chosen]
    return sum(map(len, own)), len(of_own), _failed(of_own), len(others), _failed(others)


def _failed(chosen: Sequence[Sequence[Chosen]]) -> int:
    return sum(any(each.end != "ok" for each in of_run) for of_run in chosen)


@pytest.mark.parametrize("reason", [FRESH, CACHED, EXACT])
def test_runs_are_counted_by_what_became_of_their_steps(reason: str) -> None:
    """However often a run chose so; a step that carries out nothing counts nowhere."""
    row = asked()[reason]
    told = (
        "total_occurrences",
        "runs",
        "runs_with_failed_steps",
        "runs_with_other_reasons",
        "other_runs_with_failed_steps",
    )
    assert tuple(row[name] for name in told) == expected(reason)
    same_as_scipy(row)


def same_as_scipy(row: Mapping[str, Any]) -> None:
    """Rates, interval of Wilson, and the test that is named."""
    _, m, a, n, b = expected(row["reason_code"])
    assert (row["step_failure_rate"], row["rate_of_other_reasons"]) == pytest.approx((a / m, b / n))
    interval = (row["step_failure_rate_low"], row["step_failure_rate_high"])
    assert interval == pytest.approx(proportion_confint(a, m, method="wilson"))
    p = {
        "exact": lambda: fisher_exact([[a, m - a], [b, n - b]]).pvalue,
        "z": lambda: proportions_ztest([a, b], [m, n])[1],
    }
    assert row["p_value"] == pytest.approx(p[row["test"]]())
    assert row["difference"] == pytest.approx(a / m - b / n)


def test_filters_leave_what_they_name() -> None:
    """Another agent, and another time, have none."""
    assert asked(agent_id="writer") == {}
    assert (
        asked(start_time=datetime(2026, 9, 22, tzinfo=UTC), end_time=datetime(2026, 9, 23, tzinfo=UTC)) == {}
    )
    assert asked(source="derived") == {}
