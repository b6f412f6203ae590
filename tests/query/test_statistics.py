"""The statistics of the named queries are those of scipy and statsmodels, and find nothing where nothing is."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from scipy.stats import false_discovery_control, fisher_exact
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportions_ztest,
)

from agenttrace_collector.query.catalogue import composed
from tests.support.database import empty_database

TABLES = 200
NEAR = 1e-9
LEAST_SUPPORT = 10
# Small groups, none at all, and large ones; few and many of them with what is counted.
SIZES = (0, 1, 3, 9, 10, 12, 30, 41, 200, 5_000, 300_000)
_STATEMENT = """
WITH
    ${statistics},
    counted AS
    (
        SELECT toFloat64(each.1) AS a, toFloat64(each.2) AS m, toFloat64(each.3) AS b, toFloat64(each.4) AS n
        FROM (SELECT arrayJoin([{tables}]) AS each)
    ),
    ${tested}
SELECT
    toUInt64(a) AS a, toUInt64(m) AS m, toUInt64(b) AS b, toUInt64(n) AS n, wilson_low(a, m) AS low,
    wilson_high(a, m) AS high, ${findings}
FROM placed
"""


@cache
def answers() -> Sequence[Mapping[str, Any]]:
    """Random tables with what ClickHouse makes of them."""
    rng = random.Random(7)
    tables = [table(rng) for _ in range(TABLES)]
    statement = composed(_STATEMENT).format(tables=", ".join(map(str, tables)))
    names, rows = empty_database().read(statement)
    return [dict(zip(names, row, strict=True)) for row in rows]


def table(rng: random.Random) -> tuple[int, int, int, int]:
    """Two groups of runs and how many of each have what is counted: none, a few, any number or all."""
    m, n = rng.choice(SIZES), rng.choice(SIZES)
    return part(rng, m), m, part(rng, n), n


def part(rng: random.Random, size: int) -> int:
    """Some of so many."""
    return rng.choice((0, size, rng.randint(0, min(size, 5)), rng.randint(0, size)))


def both() -> list[Mapping[str, Any]]:
    """The tables of which neither group is empty."""
    return [each for each in answers() if each["m"] and each["n"]]


def test_rates_have_the_interval_of_wilson() -> None:
    """At 95 %, and none for a group of no runs."""
    for each in answers():
        if each["m"]:
            wanted = proportion_confint(each["a"], each["m"], method="wilson")
            assert (each["low"], each["high"]) == pytest.approx(wanted, abs=NEAR)


def test_differences_have_the_interval_of_newcombe() -> None:
    """At 95 %, from the two intervals of Wilson."""
    for each in both():
        wanted = confint_proportions_2indep(
            each["a"], each["m"], each["b"], each["n"], method="newcomb", compare="diff"
        )
        assert (each["difference_low"], each["difference_high"]) == pytest.approx(wanted, abs=NEAR)


def test_effects_are_phi() -> None:
    """The correlation of two yes-or-no variables; none where one of them never varies."""
    for each in both():
        a, m, b, n = (float(each[name]) for name in "ambn")
        varies = a + b not in (0, m + n)
        wanted = (
            (a * (n - b) - b * (m - a)) / math.sqrt(m * n * (a + b) * (m + n - a - b)) if varies else None
        )
        assert each["effect_size"] == (pytest.approx(wanted, abs=NEAR) if varies else None)


def test_p_values_are_those_of_the_test_that_is_named() -> None:
    """Each of both tests is met, and small groups have none."""
    seen = set()
    for each in answers():
        a, m, b, n = (int(each[name]) for name in "ambn")
        seen.add(each["test"])
        assert each["under_support"] == (min(m, n) < LEAST_SUPPORT) == (each["test"] == "none")
        if each["test"] == "exact":
            assert each["p_value"] == pytest.approx(fisher_exact([[a, m - a], [b, n - b]]).pvalue, abs=NEAR)
        elif each["test"] == "z":
            assert each["p_value"] == pytest.approx(proportions_ztest([a, b], [m, n])[1], abs=NEAR)
        else:
            assert each["p_value"] is None
    assert seen == {"exact", "none", "z"}


def test_q_values_are_corrected_over_the_whole_answer() -> None:
    """As Benjamini and Hochberg correct the p-values that there are."""
    tested = [each for each in answers() if each["p_value"] is not None]
    wanted = false_discovery_control([each["p_value"] for each in tested])
    assert [each["q_value"] for each in tested] == pytest.approx(list(wanted), abs=NEAR)
    assert all(each["q_value"] is None for each in answers() if each["p_value"] is None)
