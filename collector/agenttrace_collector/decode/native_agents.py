"""What the compiled engine is told of coding agents: the tables of their log records and spans, and what reading depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from agenttrace_collector.decode import agent_facts, agent_records, agent_runs
from agenttrace_collector.decode.conventions import agent_spans, coding_agents
from agenttrace_collector.decode.conventions.agent_table import AgentRecord, CodingAgent
from agenttrace_collector.decode.conventions.table import ReadValue
from agenttrace_schemas import names, patterns, wire
from agenttrace_schemas.spellings import FINISH_REASONS
from agenttrace_schemas.vocabulary import DecisionType

_SCOPE: Final = "scope"
# A reader as data: its kind, the number of its spellings, and the words of `Spelled` and `Constant`.
ReaderData: TypeAlias = tuple[str, int | None, str | None, bool]


def agents_data() -> dict[str, Any]:
    """Every fact by name; a table's fields are listed, so that an engine refuses one that it does not know."""
    return {
        "agents": list(_agents()),
        "agent_fields": {*CodingAgent._fields, _SCOPE},
        "record_fields": set(AgentRecord._fields),
        "source": coding_agents.SOURCE,
        "event_name": coding_agents.EVENT_NAME,
        "agent_name": coding_agents.AGENT_NAME,
        "sequence": coding_agents.SEQUENCE,
        "prompt_mark": coding_agents.PROMPT_MARK,
        "turn_mark": coding_agents.TURN_MARK,
        "side_purposes": coding_agents.SIDE_PURPOSES,
        "denied_types": coding_agents.DENIED,
        "denied": agent_spans.DENIED,
        "server_tool": (
            coding_agents.SERVER_TOOL,
            list(coding_agents.SERVER_TOOL_KEYS),
            agent_facts.LONGEST_PARAMETERS,
        ),
        "server_failed": agent_records.SERVER_FAILED,
        "word": patterns.LABELS["token"],
        "first_error": agent_records.FIRST_ERROR,
        "longest": agent_records.LONGEST,
        "cut": agent_runs.CUT,
        "packaged": names.PACKAGED,
        "finish_words": dict(FINISH_REASONS),
        "approval": str(DecisionType.APPROVAL),
        "unknown_version": wire.UNKNOWN,
    }


def _agents() -> Iterator[Mapping[str, Any]]:
    for scope, agent in coding_agents.AGENTS.items():
        yield {
            **agent._asdict(),
            _SCOPE: scope,
            "run_keys": list(agent.run_keys),
            "main_agents": set(agent.main_agents),
            "approvals": dict(agent.approvals),
            "denial": agent.denial.pattern if agent.denial else None,
            "records": {name: _record(each) for name, each in agent.records.items()},
        }


def _record(record: AgentRecord) -> Mapping[str, Any]:
    return {**record._asdict(), "facts": list(record.facts.items())}


def agent_spans_data(reader: Callable[[ReadValue], ReaderData]) -> dict[str, Any]:
    """The tables of spans; scopes of which no span says anything are told as such elsewhere."""
    tables = agent_spans.AGENT_SPANS.items()
    return {
        "agents": [_spans(scope, each, reader) for scope, each in tables if not each.is_silent],
        "fields": {*agent_spans.AgentSpans._fields, _SCOPE},
        "side_wrappers": agent_spans.SIDE_WRAPPERS,
        "waits": agent_spans.WAITS,
        "persons": agent_spans.PERSONS,
        "denies": agent_spans.DENIES,
    }


def _spans(
    scope: str, spans: agent_spans.AgentSpans, reader: Callable[[ReadValue], ReaderData]
) -> Mapping[str, Any]:
    facts = [(key, fact, reader(read)) for key, (fact, read) in spans.facts.items()]
    return {**spans._asdict(), _SCOPE: scope, "operations": dict(spans.operations), "facts": facts}
