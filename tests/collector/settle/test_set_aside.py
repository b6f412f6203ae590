"""A run that cannot be settled is set aside and tried again; the others are settled, whatever it holds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from random import randbytes
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenttrace_collector.clickhouse.client import MEMORY_LIMIT, ClickHouse, ServerUnavailable
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.rowbinary import encode
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.errors import Unavailable
from agenttrace_collector.settle.model import PendingRun
from agenttrace_collector.settle.set_aside import LONGEST_PAUSE_SECONDS, RunsSetAside
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas import wire
from agenttrace_schemas.column_types import Guard
from agenttrace_schemas.counts import MOST_COUNTED, MOST_SEQ
from agenttrace_schemas.rows import Row, RunRow, StepRow, columns
from agenttrace_schemas.rules import Policy
from tests.support.database import new_database
from tests.support.otlp import NOW, ASpan, traces
from tests.support.reference import Value
from tests.support.rows import rows_of

AT_ONCE = Config(derive=Derive(quiet=0.001))
RELAXED = Policy(labels="relaxed")
CALL: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: "chat", wire.GEN_AI_REQUEST_MODEL: "gpt-4o"}
_TOKENS = count()


@pytest.fixture(scope="module")
def schema() -> ClickHouse:
    """A database that the tests of this module share; every run in it is of one test."""
    return new_database(RELAXED)


@dataclass
class Broken:
    """A database in which some runs cannot be read or written, for a reason of the test."""

    inner: ClickHouse
    error: Exception
    runs: set[bytes] = field(default_factory=set)
    inserted: list[str] = field(default_factory=list)

    def query(self, statement: str, parameters: Any = None) -> Sequence[Sequence[Any]]:
        """As it is."""
        return self.inner.query(statement, parameters)

    def row_binary(self, statement: str) -> bytes:
        """The rows, but of a broken run."""
        if "FROM agent_steps FINAL" in statement and any(
            str(UUID(bytes=run)) in statement for run in self.runs
        ):
            raise self.error
        return self.inner.row_binary(statement)

    def command(self, statement: str) -> None:
        """As it is."""
        self.inner.command(statement)

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """As it is, and known to the test."""
        self.inserted.append(table)
        self.inner.insert(table, columns, data, token=token)


def store(database: ClickHouse, *rows: StepRow | RunRow) -> None:
    """Keep rows as they are."""
    for row in rows:
        kind: type[Row] = type(row)
        database.insert(kind.TABLE, list(columns(kind)), encode(row), token=str(next(_TOKENS)))


def step(**changes: Any) -> StepRow:
    """A model call that is a run of its own."""
    span = ASpan(attributes=CALL, trace_id=randbytes(16), span_id=randbytes(8))
    (made,) = rows_of(decode_traces(traces(span), Context(Policy(), "default", NOW)), StepRow)
    return replace(made, **changes)


def settled(database: ClickHouse, *steps: StepRow) -> list[bool]:
    """Whether each one's run is settled."""
    found = database.query("SELECT UUIDToNum(run_id) FROM runs WHERE settled")
    ids = {bytes(row[0]) for row in found}
    return [each.run_id in ids for each in steps]


@pytest.mark.parametrize("error", [ValueError("CANARY"), ServerUnavailable(MEMORY_LIMIT)], ids=repr)
def test_one_run_does_not_stop_the_others(
    schema: ClickHouse, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named in the log and in a metric, by its id alone, and settled once that is possible."""
    steps = [step() for _ in range(9)]
    store(schema, *steps)
    broken = Broken(schema, error, {steps[4].run_id})
    settler = Settler(SettlingStore(broken), Policy(), AT_ONCE)
    with caplog.at_level(logging.ERROR):
        settler.settle_waiting()
    assert settled(schema, *steps) == [True] * 4 + [False] + [True] * 4
    run_id = str(UUID(bytes=steps[4].run_id))
    assert run_id in caplog.text
    assert "CANARY" not in caplog.text
    (named, rest) = settler.set_aside.readings()
    assert (named.labels, named.value, rest.value) == ({"run_id": run_id}, 1, 0)
    assert settler.settle_waiting() == 0
    again = Settler(SettlingStore(schema), Policy(), AT_ONCE)
    again.set_aside.known(again.store.set_aside_before())
    assert [reading.labels["run_id"] for reading in again.set_aside.readings()] == [run_id, ""]
    again.settle([mark for mark in again.store.in_range(NOW, NOW + 1) if mark.run_id == steps[4].run_id])
    assert settled(schema, steps[4]) == [True]
    assert [reading.value for reading in again.set_aside.readings()] == [0]


def test_what_comes_while_a_run_is_set_aside_is_settled(schema: ClickHouse) -> None:
    """The watermark goes on, and not beyond the present."""
    first = step()
    store(schema, first)
    broken = Broken(schema, ValueError(), {first.run_id})
    settler = Settler(SettlingStore(broken), Policy(), AT_ONCE)
    settler.settle_waiting()
    ((ahead,),) = schema.query("SELECT max(watermark) > now64(9) FROM settle_progress")
    assert not ahead
    others = [step() for _ in range(3)]
    store(schema, *others)
    settler.settle_waiting()
    assert settled(schema, first, *others) == [False, True, True, True]
    # Its rows are not written again with every round.
    broken.inserted.clear()
    settler.settle_waiting()
    assert broken.inserted == []


def test_a_database_that_is_away_sets_nothing_aside(schema: ClickHouse) -> None:
    """It is asked again, as before."""
    one = step()
    store(schema, one)
    settler = Settler(SettlingStore(Broken(schema, Unavailable("away"), {one.run_id})), Policy(), AT_ONCE)
    with pytest.raises(Unavailable):
        settler.settle_waiting()
    assert [reading.value for reading in settler.set_aside.readings()] == [0]


def test_a_stricter_rule_takes_the_metadata_and_settles_the_run(schema: ClickHouse) -> None:
    """Metadata of relaxed labels, then the rules of tokens, then one late span: all are settled."""
    steps = [step(metadata={"note": "two words, é"}) for _ in range(4)]
    store(schema, *steps)
    Settler(SettlingStore(schema), RELAXED, AT_ONCE).settle_waiting()
    Migrator(schema, Policy()).up()
    healthy = [step() for _ in range(30)]
    store(schema, *healthy, replace(step(), run_id=steps[1].run_id, trace_id=steps[1].trace_id))
    settler = Settler(SettlingStore(schema), Policy(), AT_ONCE)
    settler.settle_waiting()
    assert settled(schema, *healthy, *steps) == [True] * 34
    assert [reading.value for reading in settler.set_aside.readings()] == [0]
    Migrator(schema, RELAXED).up()


def test_pauses_grow_and_end_growing() -> None:
    """From a minute to an hour."""
    aside, mark = RunsSetAside(), PendingRun("default", bytes(16), 0, 0, 0)
    pauses = [aside.add(mark) for _ in range(3_000)]
    assert pauses[:7] == [60, 120, 240, 480, 960, 1_920, LONGEST_PAUSE_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


_EXTREMES: dict[str, tuple[Any, ...]] = {
    "UInt32": (0, 1, MOST_SEQ),
    "UInt64": (0, 1, 2**64 - 1),
    "Float64": (0.0, -1.0, 1e308, float("inf"), float("-inf"), float("nan")),
    "DateTime64(9, 'UTC')": (0, 1, NOW, 2**62, 2**63 - 1),
    "Nullable(Bool)": (None, True, False),
}


def extremes(row: type[Row]) -> st.SearchStrategy[dict[str, Any]]:
    """Changes to some columns: the outermost values that the database accepts there."""
    by_name: dict[str, st.SearchStrategy[Any]] = {}
    for name, column in columns(row).items():
        if column.guard is Guard.COUNT:
            by_name[name] = st.sampled_from((None, 0, 1, MOST_COUNTED))
        elif column.guard is Guard.CLOSED:
            by_name[name] = st.sampled_from(column.closed)
        elif column.guard is Guard.IDENTIFIER and name != "tenant":
            by_name[name] = st.sampled_from(("", "_redacted", "a", "a" * 128))
        elif column.type in _EXTREMES and name != "created_at":
            by_name[name] = st.sampled_from(_EXTREMES[column.type])
    return st.fixed_dictionaries({}, optional=by_name)


@pytest.mark.long
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(extremes(StepRow), min_size=1, max_size=6), st.lists(extremes(RunRow), max_size=2))
def test_extremes_of_every_column_are_settled(
    schema: ClickHouse, of_steps: list[dict[str, Any]], of_runs: list[dict[str, Any]]
) -> None:
    """Sums that do not fit, times before and after all others, numbers that are none: no run is set aside."""
    first = step(input_tokens=MOST_COUNTED)
    same = {"run_id": first.run_id, "trace_id": first.trace_id}
    steps = [replace(step(), **{**changes, **same}) for changes in of_steps]
    shared = {name: getattr(first, name) for name in columns(RunRow) if hasattr(first, name)}
    run = RunRow(**{**shared, "status": "success", "parent_run_id": None})
    store(schema, first, *steps, *(replace(run, **changes, run_id=first.run_id) for changes in of_runs))
    settler = Settler(SettlingStore(schema), Policy(), AT_ONCE)
    settler.settle(settler.store.waiting(0, 1_000))
    assert [reading.value for reading in settler.set_aside.readings()] == [0]


@pytest.mark.parametrize("column", ["input_tokens", "output_tokens", "retrieval_count"])
def test_sums_saturate(schema: ClickHouse, column: str) -> None:
    """Many counts that are allowed each are too many together for a number of 64 bits."""
    operation = "retrieval" if column == "retrieval_count" else "chat"
    first = step()
    same = {"run_id": first.run_id, "trace_id": first.trace_id, "operation": operation, column: MOST_COUNTED}
    store(schema, *(step(**same) for _ in range(40)))
    Settler(SettlingStore(schema), Policy(), AT_ONCE).settle_waiting()
    total = "documents" if column == "retrieval_count" else column
    where = f"WHERE run_id = '{UUID(bytes=first.run_id)}' AND settled"
    assert schema.query(f"SELECT {total} FROM runs {where}") == [(2**53 - 1,)]  # noqa: S608 - of ours
