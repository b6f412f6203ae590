"""What a log record of a coding agent tells: its facts by the table of its name, its run, its call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.attributes import value_of
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions import coding_agents
from agenttrace_collector.decode.conventions.agent_spans import DENIED
from agenttrace_collector.decode.conventions.agent_table import AgentRecord, CodingAgent
from agenttrace_collector.decode.conventions.coding_agents import AGENTS
from agenttrace_collector.decode.events import Origin
from agenttrace_collector.decode.resource import Sender
from agenttrace_schemas import wire
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.spellings import flag_of, plain
from agenttrace_schemas.texts import label_fault

_MILLISECOND: Final = 10**6
_SPAN: Final = slice(0, 8)
# Two names and their keys, in characters.
LONGEST_PARAMETERS: Final = 1_000


class Prompts:
    """The latest prompt of each session among the records of one resource: the run that a subagent works for."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], bytes] = {}

    def answered(self, agent: CodingAgent, session: str, run_id: bytes) -> None:
        """A record of the agent that the user talks to."""
        self._latest[_place(agent, session)] = run_id

    def latest(self, agent: CodingAgent, session: str) -> bytes | None:
        """The run that a record which names no prompt is of."""
        return self._latest.get(_place(agent, session))

    def of(self, agent: CodingAgent, session: str, run_id: bytes) -> bytes:
        """The run above a subagent's; where no record here tells it, the one that the session would be."""
        found = self._latest.get(_place(agent, session), run_id)
        return run_of(agent, session) if found == run_id else found


def _place(agent: CodingAgent, session: str) -> tuple[str, str]:
    """Subagents of some have a session of their own in the process of their parent's."""
    return agent.agent_id, "" if agent.main_agents else session


def run_of(agent: CodingAgent, key: str) -> bytes:
    """The id of the run that a key names."""
    return identity.uuid5(f"{agent.agent_id}\x1f{key}".encode("utf-8", "replace"))


def step_of(run_id: bytes, call_id: bytes) -> bytes:
    """The id of the step that a record tells, of the call that the sender calls so."""
    return identity.uuid5(run_id + b"\x1f" + call_id)


def event_of(call: bytes, kind: str) -> bytes:
    """The id of the decision or signal of this type that a record of the step tells."""
    return identity.uuid5(call + b"\x1f" + kind.encode())


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """One record as its table reads it; `time` is in nanoseconds."""

    agent: CodingAgent
    record: AgentRecord
    name: str
    values: Mapping[str, object]
    run_id: bytes
    session: str
    sequence: int
    time: int
    sender: Sender
    # The run that a subagent works for; None where the record is of no subagent.
    parent_run_id: bytes | None = None

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
    def call_id(self) -> bytes | None:
        """What every record of the call has in common; None where the sender names the call by nothing."""
        return identity.call(self.text("call_id"))

    @property
    def call(self) -> bytes:
        """The id of the call as a step: what the sender calls it, else what the record says of itself."""
        if self.call_id:
            return step_of(self.run_id, self.call_id + (b"\x1fside" if self.is_side else b""))
        place = b"%d\x1f%d\x1f%b" % (self.time, self.sequence, self.name.encode())
        said = self.text("tool_name").encode("utf-8", "replace")
        return identity.uuid5(b"\x1f".join((self.run_id, place, said)))


def origin_of(told: AgentFacts, builder: BatchBuilder) -> Origin:
    """Whose record it is and of which call."""
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


def shared_columns(told: AgentFacts, builder: BatchBuilder) -> dict[str, Any]:
    """The columns that every row of the record has."""
    origin = origin_of(told, builder)
    return {"span_id": origin.span_number} | {name: getattr(origin, name) for name in _ORIGIN}


def read_record(record: LogRecord, scope: str, sender: Sender, prompts: Prompts) -> AgentFacts | None:
    """The record as its table reads it; None where no table has it, or where it names no run."""
    agent = AGENTS.get(scope)
    if agent is None:
        return None
    stated = {each.key: each.value for each in record.attributes}
    name = _text(stated, coding_agents.EVENT_NAME)
    table = agent.records.get(name)
    if table is None:
        return None
    key = next((said for each in agent.run_keys if (said := _text(stated, each))), "")
    trace = identity.valid(record.trace_id, identity.TRACE_ID) if agent.trace_is_run else b""
    if not key and not trace:
        return None
    session = _text(stated, agent.session_key)
    key, nested = _subagent(agent, key, stated)
    run_id = trace or run_of(agent, key)
    if table.kind == "event" and not _text(stated, agent.run_keys[0]):
        run_id = prompts.latest(agent, session) or run_id
    elif not nested:
        prompts.answered(agent, session, run_id)
    sequence = stated[coding_agents.SEQUENCE].int_value if coding_agents.SEQUENCE in stated else 0
    return AgentFacts(
        agent=agent,
        record=table,
        name=name,
        values=_understood(
            agent, {fact: value_of(stated[key]) for fact, key in table.facts.items() if key in stated}
        ),
        run_id=run_id,
        session=session,
        sequence=max(0, min(sequence, _MILLISECOND - 1)),
        time=record.time_unix_nano or record.observed_time_unix_nano,
        sender=sender,
        parent_run_id=prompts.of(agent, session, run_id) if nested else None,
    )


def _text(stated: Mapping[str, AnyValue], key: str) -> str:
    return stated[key].string_value if key in stated else ""


def _understood(agent: CodingAgent, values: dict[str, object]) -> Mapping[str, object]:
    """The facts without the two that hold what was said: of those a tool's name and a denial are kept."""
    words, parameters = values.pop("words", None), values.pop("server_tool", None)
    failed = flag_of(values.get("success")) is False and not values.get("error_type")
    if failed and agent.denial and isinstance(words, str) and agent.denial.fullmatch(words):
        values["error_type"] = DENIED
    return _with_server_tool(values, parameters)


def _with_server_tool(values: dict[str, object], stated: object) -> Mapping[str, object]:
    """The facts with the name that spans give a tool of a server, where the record tells which one it is."""
    if values.get("tool_name") != coding_agents.SERVER_TOOL or not isinstance(stated, str):
        return values
    try:
        parameters = json.loads(stated) if len(stated) <= LONGEST_PARAMETERS else None
    except (ValueError, RecursionError):
        return values
    if not isinstance(parameters, dict):
        return values
    names = [parameters.get(key) for key in coding_agents.SERVER_TOOL_KEYS]
    # Beside what was said, a name is one word.
    if not all(isinstance(name, str) and not label_fault(name, "token") for name in names):
        return values
    return {**values, "tool_name": "__".join(("mcp", *map(str, names)))}


def _subagent(agent: CodingAgent, key: str, stated: Mapping[str, AnyValue]) -> tuple[str, bool]:
    """The key of the run, and whether a subagent's record names it."""
    if agent.counts_turns and coding_agents.TURN_MARK in key and coding_agents.PROMPT_MARK not in key:
        return key.rpartition(coding_agents.TURN_MARK)[0], True
    name = _text(stated, coding_agents.AGENT_NAME)
    return key, bool(agent.main_agents and name and name not in agent.main_agents)
