"""Log records of coding agents to rows: a prompt is a run, its calls are steps, what was let through is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.attributes import value_of
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions import coding_agents
from agenttrace_collector.decode.conventions.coding_agents import AGENTS, CodingAgent, Record
from agenttrace_collector.decode.events import Origin
from agenttrace_collector.decode.resource import Sender
from agenttrace_schemas import names, rules, wire
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.rows import DecisionRow, RunRow, StepRow
from agenttrace_schemas.rules import Violation
from agenttrace_schemas.spellings import FINISH_REASONS, flag_of, plain, spelling
from agenttrace_schemas.vocabulary import DecisionType, RunStatus, StepType

_MILLISECOND: Final = 10**6
_NANO_USD: Final = 10**9
_LONGEST: Final = 10**9
_FIRST_ERROR: Final = 400
_SPAN: Final = slice(0, 8)
_CUT: Final = frozenset({"content_filter", "error", "length", "other"})


@dataclass(frozen=True, slots=True)
class _Told:
    """One record as its table reads it; `time` is in nanoseconds."""

    agent: CodingAgent
    record: Record
    name: str
    values: Mapping[str, object]
    run_id: bytes
    session: str
    sequence: int
    time: int
    sender: Sender

    def text(self, fact: str) -> str:
        """What a fact says, as text; empty where it says nothing."""
        value = self.values.get(fact)
        if isinstance(value, list):
            value = value[0] if value else None
        return "" if value is None or isinstance(value, float) else str(value).strip()

    def count(self, fact: str) -> int | None:
        """A count, a text of one included."""
        return count_of(self.values.get(fact))

    @property
    def failed(self) -> bool:
        """Whether the record says that its call did not succeed."""
        value = self.values.get("success")
        return value is not None and flag_of(value) is False

    @property
    def is_side(self) -> bool:
        """Whether a model call is no turn of the agent."""
        return self.text("purpose") in coding_agents.SIDE_PURPOSES

    @property
    def approval(self) -> tuple[str, str] | None:
        """What was selected and why; None where the record does not say."""
        decision = plain(self.text("decision"))
        found = self.agent.approvals
        return found.get((decision, plain(self.text("reason")))) or found.get((decision, ""))

    @property
    def call(self) -> bytes:
        """The id of the call as a step: what the sender calls it, else what the record says of itself."""
        stated = self.text("call_id")
        if stated:
            return identity.uuid5(self.run_id + b"\x1f" + stated.encode("utf-8", "replace"))
        place = b"%d\x1f%d\x1f%b" % (self.time, self.sequence, self.name.encode())
        said = self.text("tool_name").encode("utf-8", "replace")
        return identity.uuid5(b"\x1f".join((self.run_id, place, said)))


def decode_agent_record(record: LogRecord, scope: str, sender: Sender, builder: BatchBuilder) -> bool:
    """Add the rows of a coding agent's record; False where the record has no meaning here."""
    told = _told(record, scope, sender)
    if told is None or _is_nothing(told):
        return False
    if not builder.in_range(told.time, StepRow.TABLE):
        builder.refused += 1
        builder.refuse("log_record", Violation("time.range", "time_unix_nano"), _origin(told, builder))
        return True
    kind = told.record.kind
    if kind in ("model", "model_error", "tool") and not _rejected(told):
        builder.add(_step(told, builder))
        builder.conventions[coding_agents.SOURCE] += 1
    if told.approval is not None and told.text("error_type") not in coding_agents.DENIED:
        _add_approval(told, builder)
    if not told.is_side and builder.in_range(told.time, RunRow.TABLE):
        builder.add(_run(told, builder))
    return True


def _told(record: LogRecord, scope: str, sender: Sender) -> _Told | None:
    agent = AGENTS.get(scope)
    if agent is None:
        return None
    stated = {each.key: each.value for each in record.attributes}
    name = stated[coding_agents.EVENT_NAME].string_value if coding_agents.EVENT_NAME in stated else ""
    table = agent.records.get(name)
    if table is None:
        return None
    facts = {fact: value_of(stated[key]) for fact, key in table.facts.items() if key in stated}
    run = next((said for key in agent.run_keys if key in stated and (said := stated[key].string_value)), "")
    trace = identity.valid(record.trace_id, identity.TRACE_ID) if agent.trace_is_run else b""
    if not run and not trace:
        return None
    sequence = stated["event.sequence"].int_value if "event.sequence" in stated else 0
    return _Told(
        agent=agent,
        record=table,
        name=name,
        values=facts,
        run_id=trace or identity.uuid5(f"{agent.agent_id}\x1f{run}".encode("utf-8", "replace")),
        session=stated[agent.session_key].string_value if agent.session_key in stated else "",
        sequence=max(0, min(sequence, _MILLISECOND - 1)),
        time=record.time_unix_nano or record.observed_time_unix_nano,
        sender=sender,
    )


def _is_nothing(told: _Told) -> bool:
    needs, without = told.record.needs, told.record.without
    if needs == "http_error":
        return (told.count("error_type") or 0) < _FIRST_ERROR
    return bool((needs and told.values.get(needs) is None) or (without and told.values.get(without)))


def _rejected(told: _Told) -> bool:
    """Whether the record of a call says that it was not let through, or shows that it never ran."""
    if told.record.kind != "tool":
        return False
    never_ran = told.agent.failed_is_unrun and told.failed and not told.text("server")
    return never_ran or (told.approval is not None and told.approval[0] == "deny")


def _origin(told: _Told, builder: BatchBuilder) -> Origin:
    return Origin(
        tenant=builder.context.tenant,
        run_id=told.run_id,
        step_id=told.call,
        trace_id=told.run_id,
        span_id=told.call[_SPAN],
        span_number=int.from_bytes(told.call[_SPAN]),
        agent_id=told.agent.agent_id,
        agent_version=told.sender.agent_version if told.agent.versioned else wire.UNKNOWN,
        environment=told.sender.environment,
        actor="",
        created_at=builder.context.received_at,
    )


_ORIGIN: Final = "tenant run_id trace_id agent_id agent_version environment actor created_at".split()


def _shared(told: _Told, builder: BatchBuilder) -> dict[str, Any]:
    origin = _origin(told, builder)
    return {"span_id": origin.span_number} | {name: getattr(origin, name) for name in _ORIGIN}


def _step(told: _Told, builder: BatchBuilder) -> StepRow:
    is_tool = told.record.kind == "tool"
    failed = told.failed or told.record.kind == "model_error"
    error = _error_type(told, builder) if failed or told.text("error_type") else ""
    took = min(told.count("duration_ms") or 0, _LONGEST)
    tool = _tool_name(told, builder, failed=failed, error_type=error) if is_tool else ""
    model = builder.identifier(told.text("model"), "model")
    call_id = told.text("call_id")
    return StepRow(
        **_shared(told, builder),
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
        call_id=identity.uuid5(call_id.encode("utf-8", "replace")) if call_id else None,
        cache_read_tokens=told.count("cache_read_tokens"),
        cache_write_tokens=told.count("cache_write_tokens"),
        cost_nano_usd=_cost(told),
    )


def _step_type(told: _Told, *, failed: bool) -> str:
    if told.record.kind == "tool":
        return StepType.TOOL
    return StepType.OTHER if failed or told.is_side else StepType.RESPOND


def _finish_reason(told: _Told) -> str:
    said = told.text("finish_reason")
    return (spelling(FINISH_REASONS, said) or "") if said else ""


def _cost(told: _Told) -> int | None:
    value = told.values.get("cost_usd")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LONGEST:
        return None
    return count_of(round(value * _NANO_USD))


def _error_type(told: _Told, builder: BatchBuilder) -> str:
    key = told.record.facts.get("error_type", "error_type")
    return builder.identifier(told.text("error_type"), key)


def _tool_name(told: _Told, builder: BatchBuilder, *, failed: bool, error_type: str) -> str:
    """The name of a tool where the record shows that it exists, else what stands for it."""
    policy, key = builder.context.policy, told.record.facts["tool_name"]
    name = builder.identifier(told.text("tool_name"), key)
    known = policy.tools if names.names_no_tool(error_type) else policy.tools | names.PACKAGED
    kept = names.tool_name(policy.site_key, name, failed=failed, error_type=error_type, tools=known)
    if kept != name:
        builder.changed(names.RULE, key)
    return kept


def _add_approval(told: _Told, builder: BatchBuilder) -> None:
    if not builder.context.policy.decisions or told.approval is None:
        return
    selected, reason = told.approval
    decision = rules.check_decision(
        builder.context.policy,
        decision_type=str(DecisionType.APPROVAL),
        selected=selected,
        reason_code=reason,
    )
    # A stated decision shows that there is such a tool, unless the record says otherwise itself.
    name = builder.identifier(told.text("tool_name"), told.record.facts["tool_name"])
    builder.add(
        DecisionRow(
            **_shared(told, builder),
            decision_id=identity.uuid5(told.call + b"\x1fapproval"),
            step_id=told.call,
            decision_type=decision.decision_type,
            selected=decision.selected,
            reason_code=decision.reason_code,
            confidence=None,
            metadata={},
            recorded_at=told.time,
            candidates=(),
            tool_name=name,
        )
    )


def _run(told: _Told, builder: BatchBuilder) -> RunRow:
    """How the run stands as of this record: the last one of a run tells how it ended."""
    # Records of one millisecond stand in the order that their sender gave them.
    time = told.time + told.sequence if not told.time % _MILLISECOND else told.time
    return RunRow(
        **_shared(told, builder),
        status=_status(told),
        started_at=time,
        ended_at=time,
        parent_run_id=None,
        conversation_id=names.conversation_hash(builder.context.policy.site_key, told.session),
        source=coding_agents.SOURCE,
    )


def _status(told: _Told) -> str:
    if told.record.kind == "model_error":
        return RunStatus.FAILURE
    if told.record.kind == "model" and _finish_reason(told) not in _CUT:
        return RunStatus.SUCCESS
    return RunStatus.UNKNOWN
