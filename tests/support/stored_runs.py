"""Runs as they are stored: of the corpus, of coding agents and of the reference request, and as a database gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from agenttrace_collector.clickhouse.row_reader import read_rows
from agenttrace_collector.clickhouse.rowbinary import ENCODERS, encode
from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.settle.model import DENIAL, PendingRun, RunKey
from agenttrace_collector.settle.stored import TOLD_COLUMNS, StoredRows
from agenttrace_schemas.rows import (
    ROWS,
    DecisionRow,
    FailureRow,
    OutcomeRow,
    Row,
    RunRow,
    SignalRow,
    SpanLinkRow,
    StepRow,
    columns,
)
from agenttrace_schemas.rules import Policy
from tests.support.agents import agent_scenarios
from tests.support.corpus import RECORDED_AT, scenarios
from tests.support.reference import reference_request

# With the names and types of a site's own as little as possible is lost.
CONTEXT: Final = Context(Policy(site_key=b"k" * 32), "default", RECORDED_AT)
_LISTS: Final = {StepRow: "steps", SpanLinkRow: "links", RunRow: "candidates", OutcomeRow: "outcomes"}
_TOLD: Final = (SignalRow, DecisionRow, FailureRow)


@dataclass(slots=True)
class StoredRun:
    """What is stored of a run; `told` has values by the columns of `TOLD_COLUMNS`."""

    tenant: str
    run_id: bytes
    steps: list[StepRow] = field(default_factory=list)
    links: list[SpanLinkRow] = field(default_factory=list)
    candidates: list[RunRow] = field(default_factory=list)
    outcomes: list[OutcomeRow] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def mark(self) -> PendingRun:
        """The run as one that waits."""
        return PendingRun(self.tenant, self.run_id, 0, 0, 0)


def as_read(runs: Iterable[StoredRun]) -> StoredRows:
    """The rows of these runs as they are read for a round."""
    blocks = [bytearray() for _ in StoredRows._fields]
    encoders = [(name, ENCODERS[kind]) for name, kind in TOLD_COLUMNS.items()]
    for run in runs:
        lists: tuple[Sequence[Row], ...] = (run.steps, run.links, run.candidates, run.outcomes)
        for place, rows in enumerate(lists):
            for row in rows:
                blocks[place] += encode(row)
        for told in run.told:
            blocks[-1] += b"".join(encoder(told[name]) for name, encoder in encoders)
    return StoredRows(*map(bytes, blocks))


def runs_of(batches: Iterable[Batch]) -> list[StoredRun]:
    """The runs of these batches; rows with the same key fall together, as they are stored."""
    found: dict[RunKey, StoredRun] = {}
    for row in _stored(batches):
        run = found.setdefault((row.tenant, row.run_id), StoredRun(row.tenant, row.run_id))
        kind: type[Any] = type(row)
        if kind in _TOLD:
            run.told.append(_as_told(row))
        elif kind in _LISTS:
            getattr(run, _LISTS[kind]).append(row)
    return list(found.values())


def _stored(batches: Iterable[Batch]) -> Iterator[Any]:
    kept: dict[tuple[Any, ...], Any] = {}
    of_runs = [row for row in ROWS if row in _TOLD or row in _LISTS]
    for batch in batches:
        for row in of_runs:
            block = batch.blocks.get(row.TABLE)
            for made in _rows(row, block.data) if block else ():
                kept[row, *(getattr(made, name) for name in row.SORT_KEY)] = made
    yield from kept.values()


def _rows(row: type[Row], data: bytes) -> Iterator[Any]:
    names = list(columns(row))
    for values in read_rows(data, [column.type for column in columns(row).values()]):
        yield row(**dict(zip(names, values, strict=True)))


def _as_told(row: Any) -> dict[str, Any]:
    """A decision, signal or failure as settling reads it."""
    kind = {DecisionRow: "decision", SignalRow: "signal", FailureRow: "failure"}[type(row)]
    of_type = getattr(row, f"{kind}_type")
    is_denial = of_type == "approval" and row.selected == "deny"
    number = {"decision": "confidence", "signal": "value"}.get(kind)
    return {
        "tenant": row.tenant,
        "run_id": row.run_id,
        "step_id": row.step_id,
        "stated": DENIAL if is_denial else of_type,
        "kind": kind,
        "type": of_type,
        "code": row.reason_code if kind == "decision" else getattr(row, f"{kind}_code"),
        "agent_id": row.agent_id,
        "agent_version": row.agent_version,
        "environment": row.environment,
        "time": row.occurred_at if kind == "failure" else row.recorded_at,
        "number": getattr(row, number) if number else None,
    }


@cache
def corpus_runs() -> Sequence[StoredRun]:
    """Every run of the corpus."""
    found = []
    for scenario in scenarios():
        spans = (decode_traces(body, CONTEXT) for body in scenario.bodies("traces"))
        records = (decode_logs(body, CONTEXT) for body in scenario.bodies("logs"))
        found += runs_of([*spans, *records])
    return found


@cache
def agent_runs() -> Sequence[StoredRun]:
    """Every run of the captured sets of coding agents."""
    return [run for scenario in agent_scenarios() for run in runs_of(scenario.batches())]


def reference_runs(number: int, seed: int = 1) -> list[StoredRun]:
    """So many runs of 16 tool calls with a decision and a signal each."""
    return runs_of([decode_traces(reference_request(seed, RECORDED_AT, 16 * number), CONTEXT)])
