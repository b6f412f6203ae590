"""Response models of statistics: shares of runs with intervals, and tests of their difference.

The unit is the run: what happens within one run is not independent. Intervals are at 95 %.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agenttrace_collector.api.pagination import ResponseRecord


class OfDecisions(ResponseRecord):
    """One reason of one decision type."""

    decision_type: str
    reason_code: str


class OfSignals(ResponseRecord):
    """One code of one signal type."""

    signal_type: str
    signal_code: str


class Findings(ResponseRecord):
    """The difference between two groups of runs, with its interval and its p and q values."""

    difference: float | None = Field(description="The share of the first group minus that of the second.")
    difference_low: float | None
    difference_high: float | None
    effect_size: float | None = Field(description="The phi coefficient, from -1 to 1.")
    under_support: bool = Field(description="One group has too few runs to be tested.")
    test: Literal["z", "exact", "none"] = Field(
        description="Two proportions, or Fisher's exact test where an expected count is under five."
    )
    p_value: float | None
    q_value: float | None = Field(
        description="p corrected by Benjamini and Hochberg over all rows on all pages."
    )


class MeanFindings(ResponseRecord):
    """The difference between the means of two groups of runs, with its interval and its p and q values."""

    difference: float | None = Field(description="The mean of the first group less that of the second.")
    difference_low: float | None = Field(description="Welch's interval at 95 %.")
    difference_high: float | None
    effect_size: float | None = Field(description="The rank-biserial correlation, from -1 to 1.")
    under_support: bool = Field(description="One group has too few runs to be tested.")
    test: Literal["mann_whitney", "none"]
    p_value: float | None
    q_value: float | None = Field(
        description="By Benjamini and Hochberg, over all rows of the answer on all of its pages."
    )


class VersionRates(Findings):
    """The share of the runs of either version; the difference is that of the second less the first."""

    version_a_runs_with: int
    version_a_runs: int
    version_a_run_rate: float | None
    version_a_run_rate_low: float | None
    version_a_run_rate_high: float | None
    version_b_runs_with: int
    version_b_runs: int
    version_b_run_rate: float | None
    version_b_run_rate_low: float | None
    version_b_run_rate_high: float | None
