"""Typed events in log records pass the gate as they were enforced, and are read again as what they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast
from uuid import UUID

import pytest

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.events import KINDS
from agenttrace_collector.decode.otlp import decode_logs
from agenttrace_collector.forward.gate import open_gate
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from tests.collector.decode.test_no_trace import TABLES
from tests.contract.shape import VALID
from tests.support.otlp import NOW, SPAN_ID, TRACE_ID, logs
from tests.support.reference import Value
from tests.support.rows import rows_of

SAID: Final = "CANARY she asked for her money back"
CONTEXT: Final = Context(Policy(), "default", NOW)


@pytest.mark.parametrize("trace", [(TRACE_ID, SPAN_ID), (b"", b"")])
@pytest.mark.parametrize("name", VALID)
def test_a_record_that_is_sent_on_is_the_same_event(name: str, trace: tuple[bytes, bytes]) -> None:
    """Under its id and its run; what else stood beside it stays here."""
    kind = KINDS[name]
    own = {f"agenttrace.{kind.removeprefix('quality_')}.id": str(UUID(int=5)), wire.RUN_ID: str(UUID(int=6))}
    stated = cast("Mapping[str, Value]", {**VALID[name], **own, "note": SAID, "gen_ai.prompt": SAID})
    batch = decode_logs(logs(name, stated, *trace), CONTEXT, (), open_gate(Forward(), Policy()).logs())
    left = batch.forwarded["logs"].data
    assert b"CANARY" not in left
    again = decode_logs(left, CONTEXT)
    assert rows_of(again, TABLES[kind]) == rows_of(batch, TABLES[kind])
    assert len(rows_of(again, TABLES[kind])) == 1
