"""Answers about many runs as the stored rows give them: what the named queries come to, counted in Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from agenttrace_collector.clickhouse.client import ClickHouse

Rows = list[dict[str, Any]]
Key = tuple[str, str]
# The view of each kind, its type, code and time.
_KINDS: Final = {
    "decisions": ("decision_type", "reason_code", "recorded_at", "confidence"),
    "quality_signals": ("signal_type", "signal_code", "recorded_at", "value"),
    "failures": ("failure_type", "failure_code", "occurred_at", "0"),
}


class Stored:
    """The runs and records of a tenant as the views show them, of one source or of both."""

    def __init__(self, database: ClickHouse, tenant: str, source: str = "", agent: str = "") -> None:
        self._database, self._tenant = database, tenant
        runs = self._rows(
            "SELECT run_id, agent_id, agent_version, status FROM runs WHERE tenant = {tenant:String}"
        )
        self.runs = {row["run_id"]: row for row in runs if agent in ("", row["agent_id"])}
        self.of = {kind: self._records(kind) for kind in _KINDS}
        self.chosen = {
            kind: [row for row in rows if source in ("", row["source"]) and agent in ("", row["agent_id"])]
            for kind, rows in self.of.items()
        }

    def _rows(self, statement: str) -> Rows:
        names, rows = self._database.read(statement, {"tenant": self._tenant})
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _records(self, kind: str) -> Rows:
        type_, code, time, number = _KINDS[kind]
        return self._rows(
            f"SELECT run_id, agent_id, agent_version, {type_} AS type, {code} AS code, source,"  # noqa: S608 - of ours
            f" toUnixTimestamp64Nano({time}) AS time, {number} AS number FROM {kind} WHERE tenant = {{tenant:String}}"
        )

    def aggregate(self, kind: str) -> dict[Key, tuple[Any, ...]]:
        """Of each type and code how many there are of how many runs, and what is told besides, by kind."""
        more: Mapping[str, Callable[[Rows], tuple[Any, ...]]] = {
            "decisions": lambda rows: (_mean(rows), sorted({row["agent_version"] for row in rows})),
            "quality_signals": lambda rows: (
                sum(row["number"] for row in rows),
                len(_runs(row for row in rows if row["number"])),
            ),
            "failures": lambda rows: (sum(row["source"] == "derived" for row in rows),),
        }
        return {
            key: (len(rows), len(_runs(rows)), *more[kind](rows))
            for key, rows in _by_key(self.chosen[kind]).items()
        }

    def decisions_failures(self) -> dict[Key, tuple[Any, ...]]:
        """Occurrences; runs with, of which with a failure and with one after it; the same without; types after it."""
        failures = _by_run(row for row in self.of["failures"] if row["run_id"] in self.runs)
        found: dict[Key, tuple[Any, ...]] = {}
        for key, rows in _by_key(self.chosen["decisions"]).items():
            own = {run: each for run, each in _by_run(rows).items() if run in self.runs}
            after = {
                run: {
                    row["type"] for row in failures.get(run, []) if row["time"] > min(d["time"] for d in each)
                }
                for run, each in own.items()
            }
            types = sorted(kind for each in after.values() for kind in each)
            if own:
                failed = len(own.keys() & failures.keys())
                found[key] = (
                    *(sum(map(len, own.values())), len(own), failed, sum(map(bool, after.values()))),
                    *(len(self.runs) - len(own), len(failures) - failed),
                    {kind: types.count(kind) for kind in types},
                )
        return found

    def signals_outcomes(self, wanted: str = "success") -> dict[Key, tuple[int, ...]]:
        """Occurrences; runs with and of which so ended; the same without."""
        ended = {run for run, row in self.runs.items() if row["status"] == wanted}
        found: dict[Key, tuple[int, ...]] = {}
        for key, rows in _by_key(row for row in self.chosen["quality_signals"] if row["number"]).items():
            own = [row for row in rows if row["run_id"] in self.runs]
            if runs := _runs(own):
                so = len(runs & ended)
                found[key] = (len(own), len(runs), so, len(self.runs) - len(runs), len(ended) - so)
        return found

    def versions(self, kind: str, a: str, b: str) -> dict[Key, tuple[int, ...]]:
        """Of both versions occurrences, runs with (signals: with a true one), and all runs."""
        all_of = {
            version: {run for run, row in self.runs.items() if row["agent_version"] == version}
            for version in (a, b)
        }
        found: dict[Key, tuple[int, ...]] = {}
        for key, rows in _by_key(self.chosen[kind]).items():
            counts: list[int] = []
            for version in (a, b):
                own = [row for row in rows if row["run_id"] in all_of[version]]
                true = [row for row in own if kind != "quality_signals" or row["number"]]
                counts += [len(own), len(_runs(true)), len(all_of[version])]
            if counts[0] or counts[3]:
                found[key] = tuple(counts)
        return found


def _by_key(rows: Iterable[dict[str, Any]]) -> dict[Key, Rows]:
    found: defaultdict[Key, Rows] = defaultdict(list)
    for row in rows:
        found[row["type"], row["code"]].append(row)
    return found


def _by_run(rows: Iterable[dict[str, Any]]) -> dict[Any, Rows]:
    found: defaultdict[Any, Rows] = defaultdict(list)
    for row in rows:
        found[row["run_id"]].append(row)
    return found


def _runs(rows: Iterable[dict[str, Any]]) -> set[Any]:
    return {row["run_id"] for row in rows}


def _mean(rows: Rows) -> float | None:
    stated = [row["number"] for row in rows if row["number"] is not None]
    return round(sum(stated) / len(stated), 9) if stated else None
