"""Settling keeps tenants apart, whose senders choose the ids of their runs."""

from __future__ import annotations

from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas import wire
from agenttrace_schemas.rows import ROWS, columns
from agenttrace_schemas.rules import Policy
from tests.support.database import emptied
from tests.support.otlp import NOW, ASpan, traces
from tests.support.reference import Value

_RUN = "0123456789abcdef0123456789abcdef"


def test_a_run_of_another_tenants_id_leaves_that_tenants_run_alone() -> None:
    """Settled later, with other spans, it takes back nothing of the other."""
    database = emptied()
    settler = Settler(SettlingStore(database), Policy(), Config(derive=Derive(quiet=0.001)))
    call: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: "chat", wire.GEN_AI_REQUEST_STREAM: True}
    for number, tenant in enumerate(("acme", "initech")):
        span = ASpan(
            attributes={**call, wire.RUN_ID: _RUN}, trace_id=tenant.encode().ljust(16), start=NOW + number
        )
        blocks = decode_traces(traces(span), Context(Policy(), tenant, NOW)).blocks
        for row in ROWS:
            if row.TABLE in blocks:
                token = f"{tenant} {row.TABLE}"
                database.insert(row.TABLE, list(columns(row)), blocks[row.TABLE].data, token=token)
        while settler.settle_waiting():
            pass
    for view in ("runs", "steps", "decisions"):
        found = database.query(f"SELECT tenant, count() FROM {view} GROUP BY tenant ORDER BY tenant")  # noqa: S608 - of ours
        assert found == [("acme", 1), ("initech", 1)], view
