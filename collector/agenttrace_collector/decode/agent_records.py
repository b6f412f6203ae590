"""Log records of coding agents to rows: a prompt is a run, its calls are steps, what was let through is decided."""

from __future__ import annotations

from typing import Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from agenttrace_collector.decode.agent_events import add_stated
from agenttrace_collector.decode.agent_facts import (
    AgentFacts,
    Prompts,
    origin_of,
    read_record,
    shared_columns,
)
from agenttrace_collector.decode.agent_runs import CUT
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions import coding_agents
from agenttrace_collector.decode.resource import Sender
from agenttrace_schemas import names
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.rows import RunRow, StepRow
from agenttrace_schemas.rules import Violation
from agenttrace_schemas.spellings import FINISH_REASONS, plain, spelling
from agenttrace_schemas.vocabulary import RunStatus, StepType

_MILLISECOND: Final = 10**6
_NANO_USD: Final = 10**9
LONGEST: Final = 10**9
FIRST_ERROR: Final = 400
SERVER_FAILED: Final = "mcp_tool_error"
_SPAN: Final = slice(0, 8)


def decode_agent_record(
    record: LogRecord, scope: str, sender: Sender, builder: BatchBuilder, *, prompts: Prompts
) -> bool:
    """Add the rows of a coding agent's record; False where the record has no meaning here."""
    said = read_record(record, scope, sender, prompts)
    if said is None or _is_nothing(said):
        return False
    _add(said, builder)
    return True


def _add(told: AgentFacts, builder: BatchBuilder) -> None:
    if not builder.in_range(told.time, StepRow.TABLE):
        builder.refused += 1
        builder.refuse("log_record", Violation("time.range", "time_unix_nano"), origin_of(told, builder))
        return
    kind = told.record.kind
    if kind in ("model", "model_error", "tool") and not _rejected(told):
        row = _step(told, builder)
        builder.add(row)
        if builder.outgoing:
            builder.outgoing.agent_step(row, told.sender.agent_id)
        builder.conventions[coding_agents.SOURCE] += 1
    add_stated(told, builder)
    # A call that is no turn makes no run, but for one of an agent of its own below the user's.
    is_turn = kind != "event" and (not told.is_side or told.parent_run_id is not None)
    if is_turn and builder.in_range(told.time, RunRow.TABLE):
        builder.add(_run(told, builder))


def _is_nothing(told: AgentFacts) -> bool:
    needs, without = told.record.needs, told.record.without
    fact, word = told.record.only
    if fact and plain(told.text(fact)) != word:
        return True
    if needs == "http_error":
        return (told.count("error_type") or 0) < FIRST_ERROR
    return bool((needs and told.values.get(needs) is None) or (without and told.values.get(without)))


def _rejected(told: AgentFacts) -> bool:
    """Whether the record of a call says that it was not let through, or shows that it never ran."""
    if told.record.kind != "tool":
        return False
    untyped = told.agent.types_failures and not told.text("error_type")
    # One that was not let through is told apart when its run is settled.
    is_denied = told.text("error_type") in coding_agents.DENIED
    unrun = told.agent.failed_is_unrun and not told.text("server") and not is_denied
    never_ran = told.failed and (untyped or unrun)
    return never_ran or (told.approval is not None and told.approval[0] == "deny")


def _step(told: AgentFacts, builder: BatchBuilder) -> StepRow:
    is_tool = told.record.kind == "tool"
    failed = told.failed or told.record.kind == "model_error"
    error = _error_type(told, builder) if failed or told.text("error_type") else ""
    took = min(told.count("duration_ms") or 0, LONGEST)
    tool = _tool_name(told, builder, failed=failed, error_type=error) if is_tool else ""
    model = builder.identifier(told.text("model"), "model")
    return StepRow(
        **shared_columns(told, builder),
        step_id=told.call,
        seq=0,
        step_type=_step_type(told, failed=failed),
        name=tool or model,
        latency_ms=float(took),
        started_at=told.time - took * _MILLISECOND,
        ended_at=told.time,
        metadata={},
        parent_span_id=0,
        role="leaf",
        operation="execute_tool" if is_tool else "chat",
        status="error" if failed else "unset",
        error_type=error,
        tool_name=tool,
        model=model,
        response_model="",
        input_tokens=told.count("input_tokens"),
        output_tokens=told.count("output_tokens"),
        retrieval_count=None,
        finish_reason=_finish_reason(told),
        stream=None,
        output_type="",
        attempt=told.count("attempt"),
        conversation_id=names.conversation_hash(builder.context.policy.site_key, told.session),
        source=coding_agents.SOURCE,
        call_id=told.call_id,
        cache_read_tokens=told.count("cache_read_tokens"),
        cache_write_tokens=told.count("cache_write_tokens"),
        cost_nano_usd=_cost(told),
    )


def _step_type(told: AgentFacts, *, failed: bool) -> str:
    if told.record.kind == "tool":
        return StepType.TOOL
    return StepType.OTHER if failed or told.is_side else StepType.RESPOND


def _finish_reason(told: AgentFacts) -> str:
    said = told.text("finish_reason")
    return (spelling(FINISH_REASONS, said) or "") if said else ""


def _cost(told: AgentFacts) -> int | None:
    value = told.values.get("cost_usd")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LONGEST:
        return None
    return count_of(round(value * _NANO_USD))


def _error_type(told: AgentFacts, builder: BatchBuilder) -> str:
    key = told.record.facts.get("error_type", "error_type")
    # Only a tool that its server has can fail on it.
    return builder.identifier(told.text("error_type"), key) or (SERVER_FAILED if told.text("server") else "")


def _tool_name(told: AgentFacts, builder: BatchBuilder, *, failed: bool, error_type: str) -> str:
    """The name of a tool where the record shows that it exists, else what stands for it."""
    policy, key = builder.context.policy, told.record.facts["tool_name"]
    name = builder.identifier(told.text("tool_name"), key)
    known = policy.tools if names.names_no_tool(error_type) else policy.tools | names.PACKAGED
    # So does a stated approval, and a server of tools that the call was found on.
    if told.text("server") or (told.approval is not None and not names.names_no_tool(error_type)):
        known |= {name}
    kept = names.tool_name(policy.site_key, name, failed=failed, error_type=error_type, tools=known)
    if kept != name:
        builder.changed(names.RULE, key)
    return kept


def _run(told: AgentFacts, builder: BatchBuilder) -> RunRow:
    """How the run stands as of this record: the last one of a run tells how it ended."""
    # Records of one millisecond stand in the order that their sender gave them.
    time = told.time + told.sequence if not told.time % _MILLISECOND else told.time
    return RunRow(
        **shared_columns(told, builder),
        status=_status(told),
        started_at=time,
        ended_at=time,
        parent_run_id=told.parent_run_id,
        conversation_id=names.conversation_hash(builder.context.policy.site_key, told.session),
        source=coding_agents.SOURCE,
    )


def _status(told: AgentFacts) -> str:
    if told.record.kind == "model_error":
        return RunStatus.FAILURE
    if told.record.kind == "model" and _finish_reason(told) not in CUT:
        return RunStatus.SUCCESS
    return RunStatus.UNKNOWN
