"""From what one machine was seen to use, how many collectors, shards and disks a rate of runs needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

# What a run is taken to be: calls, decisions and signals recorded or derived.
SPANS: Final = 16
DECISIONS: Final = 8
SIGNALS: Final = 16
# No more than this part of a core is planned for: rates have peaks.
BUSY: Final = 0.5
CORES_OF_SHARD: Final = 16
TERABYTES_OF_SHARD: Final = 10
REPLICAS: Final = 2
DAYS: Final = 90
JOURNAL_GIB: Final = 4
RATES: Final = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
_DAY: Final = 86_400
_UNITS: Final = ("B", "KB", "MB", "GB", "TB", "PB", "EB")


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What was measured: CPU in microseconds, room in bytes, each for one of what its name says."""

    collector_us_per_span: float
    engine_us_per_span: float
    journal_bytes_per_span: float
    bytes_per_run: float
    bytes_per_step: float
    bytes_per_decision: float
    bytes_per_signal: float
    aggregate_cpu_ms_per_million_decisions: float
    compare_cpu_ms_per_million_decisions: float
    correlate_cpu_ms_per_million_decisions: float


MEANING: Final[Mapping[str, str]] = {
    "collector_us_per_span": "collector: receive, enforce, journal with fsync, deliver, settle; µs of CPU per span",
    "engine_us_per_span": "ClickHouse: insert, merge, answer while settling; µs of CPU per span",
    "journal_bytes_per_span": "journal: bytes on disk per span that waits",
    "bytes_per_run": "tables of runs: compressed bytes per run",
    "bytes_per_step": "tables of steps: compressed bytes per step",
    "bytes_per_decision": "tables of decisions: compressed bytes per decision",
    "bytes_per_signal": "tables of signals: compressed bytes per signal",
    "aggregate_cpu_ms_per_million_decisions": "an aggregate over a million decisions, ms of CPU",
    "compare_cpu_ms_per_million_decisions": "a comparison of two versions over a million decisions, ms of CPU",
    "correlate_cpu_ms_per_million_decisions": "associations over a million decisions, ms of CPU",
}


def bytes_of_run(seen: Coefficients) -> float:
    """What a run takes on one replica's disk."""
    return (
        seen.bytes_per_run
        + SPANS * seen.bytes_per_step
        + DECISIONS * seen.bytes_per_decision
        + SIGNALS * seen.bytes_per_signal
    )


def planned(seen: Coefficients, rate: int) -> tuple[str, ...]:
    """What so many runs a second need, as the page lists it."""
    spans = rate * SPANS
    collectors = math.ceil(spans * seen.collector_us_per_span / 1e6 / BUSY)
    cores = spans * seen.engine_us_per_span / 1e6 / BUSY
    kept = rate * _DAY * DAYS * bytes_of_run(seen)
    shards = max(math.ceil(cores / CORES_OF_SHARD), math.ceil(kept / (TERABYTES_OF_SHARD * 1e12)))
    hours = JOURNAL_GIB * 2**30 * collectors / (spans * seen.journal_bytes_per_span) / 3600
    return (
        f"{rate:,}",
        f"{spans:,}",
        f"{collectors:,}",
        f"{max(1, shards):,}",
        room(rate * _DAY * bytes_of_run(seen)),
        room(kept * REPLICAS),
        f"{hours:.1f} h",
    )


def room(size: float) -> str:
    """Bytes with a unit."""
    power = min(int(math.log10(max(size, 1)) // 3), len(_UNITS) - 1)
    return f"{size / 1000**power:.3g} {_UNITS[power]}"


def coefficients_table(seen: Coefficients) -> str:
    """Markdown: every coefficient by its name."""
    rows = (f"| `{name}` | {value:.4g} | {MEANING[name]} |" for name, value in asdict(seen).items())
    return "\n".join(("| coefficient | measured | of what |", "| --- | ---: | --- |", *rows)) + "\n"


def worked_table(seen: Coefficients) -> str:
    """Markdown: what each rate needs."""
    head = (
        "runs/s", "spans/s", "collectors", "shards", "a day, one replica",
        f"{DAYS} days, {REPLICAS} replicas", f"outage that {JOURNAL_GIB} GiB of journal each bridge",
    )  # fmt: skip
    lines = (head, ("---:",) * len(head), *(planned(seen, rate) for rate in RATES))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
