"""Which implementation settles runs: Python's, or the compiled one with Python's behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from agenttrace_collector.config.decode import DecodeEngine
from agenttrace_collector.decode.compiled import EngineCounts, wanted_native
from agenttrace_collector.settle.model import PendingRun, SettleContext
from agenttrace_collector.settle.native import AcceptedRuns, NativeSettling
from agenttrace_collector.settle.stored import StoredRows
from agenttrace_collector.telemetry.metrics import Sample
from agenttrace_schemas.rules import Policy


class SettlingEngine(Protocol):
    """Settles the runs of a round that it can, with the rows that Python would make of them."""

    @property
    def name(self) -> str:
        """The value of `decode.engine` that asks for it."""

    @property
    def counts(self) -> EngineCounts:
        """Runs and rounds that were left to Python since the start."""

    def accept(self, marks: Sequence[PendingRun], stored: StoredRows, this: SettleContext) -> AcceptedRuns:
        """What is made of these runs; of the others the caller takes care."""


class PythonSettling:
    """Leaves everything to Python, which is the reference."""

    name: str = "python"

    def __init__(self) -> None:
        self.counts = EngineCounts()

    def accept(self, marks: Sequence[PendingRun], stored: StoredRows, this: SettleContext) -> AcceptedRuns:  # noqa: ARG002 - as the protocol has it
        """Nothing is made here."""
        return AcceptedRuns((), marks, stored)


def open_settling(wanted: DecodeEngine, policy: Policy) -> SettlingEngine:
    """What the configuration asks for; raises `ConfigError` where it asks for an engine that is not there."""
    native = wanted_native(wanted, lambda: NativeSettling(policy), work="runs are settled")
    return native or PythonSettling()


def settling_state(engine: SettlingEngine) -> Mapping[str, object]:
    """What health says of an engine."""
    counts = engine.counts
    return {
        "engine": engine.name,
        "handed_back_runs": counts.handed_back,
        "declined_rounds": counts.declined,
    }


def settling_readings(engine: SettlingEngine) -> Iterator[Sample]:
    """What the metrics say of an engine."""
    yield Sample("agenttrace_settle_engine", 1, {"engine": engine.name})
    yield Sample("agenttrace_settle_handed_back_runs", engine.counts.handed_back)
    yield Sample("agenttrace_settle_declined_rounds", engine.counts.declined)
