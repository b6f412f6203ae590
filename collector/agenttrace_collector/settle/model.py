"""Input and output of settling, and the node of a step in its tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from agenttrace_schemas.derived_rows import (
    DerivedDecisionRow,
    DerivedFailureRow,
    DerivedSignalRow,
    RunFactsRow,
    SettledStepRow,
    UncountedRunRow,
)
from agenttrace_schemas.rows import OutcomeRow, RunRow, SpanLinkRow, StepRow
from agenttrace_schemas.rules import Policy

SpanKey: TypeAlias = tuple[bytes, int]
RunKey: TypeAlias = tuple[str, bytes]


class PendingRun(NamedTuple):
    """A run to settle: when its last row arrived, and the time range of its rows."""

    tenant: str
    run_id: bytes
    touched: int
    earliest: int
    latest: int


class HashShare(NamedTuple):
    """Those runs whose hash leaves the remainder `place` when it is divided by `of`."""

    place: int = 0
    of: int = 1


EVERYTHING: Final = HashShare()
# How a recorded approval that denies its call is read back.
DENIAL: Final = "approval.deny"
# The source of steps that log records of coding agents tell.
CODING_AGENT: Final = "coding_agent"
# Sources that are believed: how a run ended, what a call is. A framework's root span may know less than those below.
STATED: Final = frozenset({"agenttrace", "api"})
# A run that there is not, to ask whether runs can be read at all.
NOBODYS: Final = PendingRun("", bytes(16), 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The latencies (milliseconds) and token counts from which signals are derived."""

    latency_exceeded: int = 5_000
    latency_significantly_exceeded: int = 15_000
    tokens_moderate: int = 1_000
    tokens_high: int = 8_000
    tokens_limit_approached: int = 100_000

    def by_name(self) -> dict[str, int]:
        """Under the names of the configuration."""
        return {
            "latency_ms.exceeded": self.latency_exceeded,
            "latency_ms.significantly_exceeded": self.latency_significantly_exceeded,
            "tokens.moderate": self.tokens_moderate,
            "tokens.high": self.tokens_high,
            "tokens.limit_approached": self.tokens_limit_approached,
        }


class Told(NamedTuple):
    """A decision, signal or failure (`kind`): what it is, whose, when (ns), and its confidence or value."""

    kind: str
    type: str
    code: str
    agent_id: str
    agent_version: str
    environment: str
    time: int
    number: float | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the agent itself recorded, by step (None: of the run); a derived row of the same type is dropped.

    `told` is all of it, to be counted.
    """

    signals: frozenset[tuple[bytes | None, str]] = frozenset()
    decisions: frozenset[tuple[bytes | None, str]] = frozenset()
    failures: frozenset[bytes | None] = frozenset()
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRows:
    """Everything stored under one run id of one tenant, in any order."""

    tenant: str
    run_id: bytes
    steps: Sequence[StepRow]
    links: Sequence[SpanLinkRow] = ()
    candidates: Sequence[RunRow] = ()
    recorded: Recorded = Recorded()
    # The latest that was said about its end, after it.
    outcome: OutcomeRow | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of settling a run; `facts` is None if the trace is not a run.

    `uncounted` has the run by agent where the facts cannot count what is stored of it.
    """

    facts: RunFactsRow | None = None
    steps: tuple[SettledStepRow, ...] = ()
    signals: tuple[DerivedSignalRow, ...] = ()
    decisions: tuple[DerivedDecisionRow, ...] = ()
    failures: tuple[DerivedFailureRow, ...] = ()
    uncounted: tuple[UncountedRunRow, ...] = ()


@dataclass(frozen=True, slots=True)
class SettleContext:
    """The context of one round of settling; `settled_at` is the version of its rows."""

    policy: Policy
    thresholds: Thresholds
    settled_at: int


@dataclass(slots=True, eq=False)
class Node:
    """A step in its tree; the fields below `scope` start as the span told them and are settled.

    `above` is the nearest step above that is no wrapper, `scope` the nearest agent or tool, `inner` holds
    the same call as other spans saw it from within, `tries` the failed attempts that this call made by itself.
    """

    step: StepRow
    kind: str
    parent: Node | None = None
    above: Node | None = None
    scope: Node | None = None
    inner: list[Node] = field(default_factory=list)
    tries: list[Node] = field(default_factory=list)
    caller: str = ""
    depth: int = -1
    leaf: bool = False
    caller_failed: bool = False
    failed: bool = False
    step_type: str = ""
    attempt: int = 1
    seq: int = 0
    previous: Node | None = None
    next_attempt: Node | None = None
    mended: bool = False
    denied: bool = False
    # How long a person made the call wait, in milliseconds.
    waited_ms: int | None = None
    facts: dict[str, object] = field(default_factory=dict)

    def fact(self, name: str) -> object:
        """A fact as settled: taken over from another span of the call, or as the step has it."""
        return self.facts.get(name, getattr(self.step, name))


MODEL: Final = "model"
TOOL: Final = "tool"
RETRIEVAL: Final = "retrieval"
RERANK: Final = "rerank"
EMBEDDING: Final = "embedding"
AGENT: Final = "agent"
HANDOFF: Final = "handoff"
WRAPPER: Final = "wrapper"
OTHER: Final = "other"
KINDS: Final[Mapping[str, str]] = {
    "chat": MODEL,
    "text_completion": MODEL,
    "generate_content": MODEL,
    "execute_tool": TOOL,
    "retrieval": RETRIEVAL,
    "rerank": RERANK,
    "embeddings": EMBEDDING,
    "handoff": HANDOFF,
    "chain": WRAPPER,
    "task": WRAPPER,
}
