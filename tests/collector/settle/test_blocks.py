"""What a round takes back of earlier ones: rows of its runs under keys that nothing in it made."""

from __future__ import annotations

from dataclasses import replace

from agenttrace_collector.clickhouse.rowbinary import encode
from agenttrace_collector.settle.blocks import SettledRuns, encoded, withdrawn
from agenttrace_collector.settle.model import Settled
from agenttrace_collector.settle.run import settle_run
from agenttrace_collector.settle.stored import run_rows
from agenttrace_schemas.derived_rows import SettledStepRow
from agenttrace_schemas.rules import Policy
from tests.support.differential_settling import context
from tests.support.stored_runs import as_read, reference_runs

THIS = context(Policy())


def test_a_step_that_moved_to_another_run_is_not_taken_back() -> None:
    """The row that the other run made under the same key would be taken back with it."""
    one, other = run_rows([run.mark for run in reference_runs(2)], as_read(reference_runs(2)))
    of_one, of_other = settle_run(one, THIS), settle_run(other, THIS)
    moved, gone, kept = of_one.steps[:3]
    left = replace(of_one, steps=(kept,))
    taken = replace(of_other, steps=(*of_other.steps, replace(moved, run_id=other.run_id)))
    stored = b"".join(map(encode, (moved, gone, kept, *of_other.steps)))
    made = [encoded([one], [left]), encoded([other], [taken])]
    runs = {(one.tenant, one.run_id)}
    expected = encode(replace(gone, is_deleted=1, settled_at=7))
    assert withdrawn(SettledStepRow, stored, made, runs, settled_at=7) == expected


def test_rows_of_each_run_are_found_again() -> None:
    """Of a run that makes none, too."""
    rows = run_rows([run.mark for run in reference_runs(3)], as_read(reference_runs(3)))
    settled = [settle_run(rows[0], THIS), Settled(), settle_run(rows[2], THIS)]
    made: SettledRuns = encoded(rows, settled)
    parts = [made.of_run("settled_steps", number) for number in range(3)]
    assert b"".join(parts) == made.blocks["settled_steps"]
    assert [len(part) > 0 for part in parts] == [True, False, True]
    assert [run.span is None for run in made.runs] == [False, True, False]
