"""Log records that name their run and stand in no trace: whole rows, of the run alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import pytest

from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.events import KINDS
from agenttrace_collector.decode.otlp import decode_logs
from agenttrace_schemas import wire
from agenttrace_schemas.rows import DecisionRow, EvaluationRow, FailureRow, OutcomeRow, Row, SignalRow
from agenttrace_schemas.rules import Policy
from tests.contract.shape import VALID
from tests.support.otlp import NOW, logs
from tests.support.reference import Value
from tests.support.rows import rows_of

CONTEXT: Final = Context(Policy(), "default", NOW)
TABLES: Final[Mapping[str, type[Row]]] = {
    "decision": DecisionRow,
    "quality_signal": SignalRow,
    "failure": FailureRow,
    "evaluation": EvaluationRow,
    "outcome": OutcomeRow,
}


def row(name: str, run: str) -> Any:
    """The row of a log record without trace and span."""
    stated = cast("Mapping[str, Value]", {**VALID[name], wire.RUN_ID: run})
    (found,) = rows_of(decode_logs(logs(name, stated, b"", b""), CONTEXT), TABLES[KINDS[name]])
    return found


@pytest.mark.parametrize("name", VALID)
def test_an_event_in_no_trace_is_of_its_run(name: str) -> None:
    """It has no step; the same said of another run is another event."""
    one, other = row(name, "one"), row(name, "other")
    assert (getattr(one, "trace_id", bytes(16)), getattr(one, "span_id", 0)) == (bytes(16), 0)
    assert getattr(one, "step_id", None) is None
    own_id = f"{KINDS[name].removeprefix('quality_')}_id"
    assert one.run_id != other.run_id
    assert getattr(one, own_id) != getattr(other, own_id)
    assert row(name, "one") == one
