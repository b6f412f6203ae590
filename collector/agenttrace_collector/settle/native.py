"""The compiled settling as the collector sees it: the runs that it accepts, with their rows."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from agenttrace_collector.decode.compiled import EngineCounts, build
from agenttrace_collector.settle.blocks import SettledRun, SettledRuns
from agenttrace_collector.settle.model import PendingRun, RunKey, SettleContext
from agenttrace_collector.settle.native_facts import settling_facts
from agenttrace_collector.settle.stored import StoredRows
from agenttrace_schemas.rules import Policy

# The shape of what is taken and answered; collector/native/src/settle/mod.rs has the same number.
SEAM: Final = 1
_END: Final = "Q"


class AcceptedRuns(NamedTuple):
    """What an engine made, and the runs that it leaves to Python with what is stored of them."""

    made: Sequence[SettledRuns]
    left: Sequence[PendingRun]
    stored: StoredRows


class _CompiledSettler(Protocol):
    """The class `Settler` of the compiled module."""

    TABLES: Sequence[str]

    def settle(
        self,
        runs: Sequence[RunKey],
        stored: Sequence[bytes],
        *,
        thresholds: Mapping[str, int],
        settled_at: int,
    ) -> Any:
        """Blocks by table, accepted runs, places of those handed back and their rows; None for the whole round."""


class NativeSettling:
    """Settles runs with the compiled engine, for one policy.

    `facts` are those of the policy unless a test gives others. Raises `EngineMissing` where it is not installed, or
    does not know a fact of this version.
    """

    name: str = "native"

    def __init__(self, policy: Policy, facts: Mapping[str, Any] | None = None) -> None:
        self.counts = EngineCounts()
        self.policy = policy
        self._compiled: _CompiledSettler = build(
            "Settler", SEAM, lambda: settling_facts(policy) if facts is None else facts
        )
        self._tables = tuple(self._compiled.TABLES)

    def accept(self, marks: Sequence[PendingRun], stored: StoredRows, this: SettleContext) -> AcceptedRuns:
        """What is made of the runs that are accepted; what is left is for Python."""
        settled = None
        if this.policy is self.policy:
            settled = self._compiled.settle(
                [mark[:2] for mark in marks],
                stored,
                thresholds=this.thresholds.by_name(),
                settled_at=this.settled_at,
            )
        if settled is None:
            self.counts.add(declined=1)
            return AcceptedRuns((), marks, stored)
        blocks, accepted, left, rows = settled
        self.counts.add(handed_back=len(left))
        made = SettledRuns(
            [SettledRun(marks[place][:2], span, has_events) for place, has_events, span in accepted],
            {table: block for table, (block, _) in zip(self._tables, blocks, strict=True)},
            {table: array(_END, ends) for table, (_, ends) in zip(self._tables, blocks, strict=True)},
        )
        return AcceptedRuns((made,), [marks[place] for place in left], StoredRows(*rows))
