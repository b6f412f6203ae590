"""Requests of logs on which two decoding engines might differ: records of coding agents and of frameworks, changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.conventions import coding_agents
from agenttrace_collector.decode.conventions.agent_spans import DENIED
from agenttrace_collector.decode.otlp_json import logs_from_json
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from tests.support.agents import agent_scenarios
from tests.support.corpus import scenarios
from tests.support.differential import KINDS, POLICIES, CaseOfDifference
from tests.support.differential_spans import KEPT, ODD_VALUES
from tests.support.differential_wire import broken, rewritten
from tests.support.edges import FLAGS, NUMBERS, TEXTS, resource_key_and_value, text_edge
from tests.support.reference import Value, attribute

_MOST_RECORDS: Final = 12
_DAY: Final = 86_400 * 10**9
_TIMES: Final = tuple(
    by + seconds * 10**9
    for seconds in (86_400, 0, *(-age for age in KEPT.values()), -5 * 365 * 86_400)
    for by in (-1, 0, 1, 10**6)
)
_AGENTS: Final = tuple(coding_agents.AGENTS.items())
_NAMES: Final = sorted({name for _, agent in _AGENTS for name in agent.records})
_WORDS: Final[Sequence[Value]] = (
    *sorted({word for _, agent in _AGENTS for pair in agent.approvals for word in pair}),
    *sorted(coding_agents.DENIED),
    *sorted(coding_agents.SIDE_PURPOSES),
    *(
        "Accept",
        "user-temporary",
        "accépt",
        DENIED,
        coding_agents.SERVER_TOOL,
        "Bash",
        "bad",
        "auto",
        "session",
    ),
    *(
        "router/fallback",
        "NumericalClassifier",
        "repeated tool call",
        "failed",
        "STOP",
        "max_tokens",
        "error",
    ),
)
_DENIALS: Final[Sequence[Value]] = (
    'Tool "write_file" was canceled by the user.',
    'Tool "write_file" was canceled by the user.\n',
    f'Tool "{"ü" * 128}" was canceled by the user.',
    f'Tool "{"ü" * 129}" was canceled by the user.',
    'exec_command failed: CreateProcess { message: "Rejected("no")\n" }',
    "approval policy is Never; reject command — ü",
    "approval policy is ü; reject command x",
)
_PARAMETERS: Final[Sequence[Value]] = (
    '{"mcp_server_name": "tickets", "mcp_tool_name": "find"}',
    ' {"a": [1, {"mcp_tool_name": "no"}], "mcp_tool_name" : "find","mcp_server_name":"tickets" } ',
    '{"mcp_server_name": "tickets", "mcp_tool_name": "find", "mcp_tool_name": "last"}',
    '{"mcp_server_name": "tickets", "mcp_tool_name": "f\\u0069nd"}',
    '{"mcp_server_name": "tick ets", "mcp_tool_name": "find"}',
    '{"mcp_server_name": "tickets", "mcp_tool_name": 3}',
    '{"mcp_server_name": "sk-a1a1a1a1a1a1a1a1a1a1", "mcp_tool_name": "find"}',
    '{"mcp_server_name": "é", "mcp_tool_name": "find"} x',
    '["mcp_server_name"]',
    '{"mcp_server_name": "tickets", "mcp_tool_name": "find", "said": "' + "x" * 960 + '"}',
    "{",
    "",
)
_COSTS: Final[Sequence[Value]] = (
    *(0.0123456785, 0.5e-9, 1.5e-9, 2.5e-9, 281_474.976710656, 281_474.9767106565, 999_999_999.0, 10.0**9),
    *(1, 281_474, 281_475, 10**9, -1, "0.1", float("nan"), float("inf"), -0.0),
)
_REASONS: Final[Sequence[Value]] = (
    ["MAX_TOKENS"],
    ["stop"],
    "length",
    "SAFETY",
    "said",
    [""],
    "é",
    ["a", "stop"],
)
_BY_KEY: Final[Mapping[str, Sequence[Value]]] = {
    "cost_usd": _COSTS,
    "tool_parameters": _PARAMETERS,
    "error": _DENIALS,
    "output": _DENIALS,
    "finish_reasons": _REASONS,
}
_KEYS: Final = sorted(
    {key for _, agent in _AGENTS for record in agent.records.values() for key in record.facts.values()}
    | {key for _, agent in _AGENTS for key in (*agent.run_keys, agent.session_key)}
    | {coding_agents.EVENT_NAME, coding_agents.AGENT_NAME, coding_agents.SEQUENCE}
)
_IDS: Final = (b"", bytes(16), b"x" * 15, b"x" * 16, b"y" * 16)


def mutated_logs(seed: int, count: int, policies: Sequence[Policy] = POLICIES) -> Iterator[CaseOfDifference]:
    """So many cases; the same ones for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        request, now = _request(rng)
        context = Context(rng.choice(policies), "default", now, rng.choice(({}, KEPT)))
        yield CaseOfDifference(kind, _CHANGES[kind](rng, request), context)


@cache
def _seeds() -> list[bytes]:
    bodies = [
        logs_from_json(body).data if name.endswith(".json") else body
        for scenario in agent_scenarios()
        for name, body in scenario.sent("logs")
    ]
    bodies += [body for scenario in scenarios() for body in scenario.bodies("logs")]
    return [
        resource.SerializeToString()
        for body in bodies
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs
    ]


def _request(rng: random.Random) -> tuple[ExportLogsServiceRequest, int]:
    """Some records of a request that was sent, and when it arrives."""
    request = ExportLogsServiceRequest()
    for _ in range(rng.choice((1, 1, 2))):
        resource = ResourceLogs.FromString(rng.choice(_seeds()))
        for scope in resource.scope_logs:
            first = rng.randrange(len(scope.log_records) + 1)
            kept = list(scope.log_records[first : first + _MOST_RECORDS])
            del scope.log_records[:]
            scope.log_records.extend(kept)
        request.resource_logs.append(resource)
    times = [record.time_unix_nano or record.observed_time_unix_nano for record in _records(request)]
    return request, max(times, default=_DAY) + rng.choice((0, 60 * 10**9))


def _records(request: ExportLogsServiceRequest) -> list[LogRecord]:
    return [
        record
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def _edge(rng: random.Random, key: str) -> AnyValue:
    """A value at the edge of what the key may have."""
    if key == coding_agents.EVENT_NAME:
        return AnyValue(string_value=rng.choice((*_NAMES, wire.EVENT_DECISION, "said")))
    chosen = _BY_KEY.get(key, ())
    if chosen and rng.random() < 0.8:
        return attribute(key, rng.choice(chosen)).value
    if rng.random() < 0.1:
        return rng.choice(ODD_VALUES)
    marks = ("s########1", "s########1#2", "tool#3", "#", "/root", "reviewer")
    groups: Sequence[Sequence[Value]] = (_WORDS, NUMBERS, FLAGS, TEXTS, marks, (text_edge(rng),), (["a"], []))
    return attribute(key, rng.choice(rng.choice(groups))).value


def _name_server_tool(record: LogRecord) -> None:
    """Only with this name the parameters are looked at."""
    for each in record.attributes:
        if each.key == "tool_name":
            each.value.string_value = coding_agents.SERVER_TOOL


def _edges(rng: random.Random, request: ExportLogsServiceRequest) -> bytes:
    """Values at the edges of what each key may have."""
    records = _records(request)
    for _ in range(rng.randrange(1, 5)):
        if not records or rng.random() < 0.05:
            resource = rng.choice(request.resource_logs).resource
            key, value = resource_key_and_value(rng)
            resource.attributes.append(KeyValue(key=key, value=value))
            continue
        record = rng.choice(records)
        stated = [each for each in record.attributes if each.key in _KEYS]
        if stated and rng.random() < 0.7:
            special = [each for each in stated if each.key in _BY_KEY]
            chosen = rng.choice(special if special and rng.random() < 0.3 else stated)
            chosen.value.CopyFrom(_edge(rng, chosen.key))
            if chosen.key == "tool_parameters":
                _name_server_tool(record)
        else:
            key = rng.choice(_KEYS)
            place = rng.randrange(len(record.attributes) + 1)
            record.attributes.insert(place, KeyValue(key=key, value=_edge(rng, key)))
    return request.SerializeToString()


def _semantic(rng: random.Random, request: ExportLogsServiceRequest) -> bytes:
    """Well-formed, and not what anybody expects."""
    for _ in range(rng.randrange(1, 4)):
        scope = rng.choice(rng.choice(request.resource_logs).scope_logs)
        if not scope.log_records or rng.random() < 0.1:
            scope.scope.name = rng.choice(("", "gemini", *coding_agents.AGENTS))
            continue
        record = rng.choice(scope.log_records)
        change = rng.randrange(7)
        if change == 0 and record.attributes:
            record.attributes.append(rng.choice(record.attributes))
        elif change == 1 and record.attributes:
            rng.choice(record.attributes).value.CopyFrom(rng.choice(ODD_VALUES))
        elif change == 2:
            record.trace_id = rng.choice(_IDS)
        elif change == 3:
            field = rng.choice(("time_unix_nano", "observed_time_unix_nano"))
            now = record.time_unix_nano or record.observed_time_unix_nano
            setattr(record, field, rng.choice((0, 1, 2**64 - 1, max(0, now + rng.choice(_TIMES)) % 2**64)))
        elif change == 4:
            record.event_name = rng.choice((*_NAMES, *wire.EVENT_NAMES, "said"))
        elif change == 5 and record.attributes:
            del record.attributes[rng.randrange(len(record.attributes))]
        else:
            scope.log_records.append(rng.choice(_records(request)))
    return request.SerializeToString()


_CHANGES: Final[Mapping[str, Callable[[random.Random, ExportLogsServiceRequest], bytes]]] = {
    "edges": _edges,
    "semantic": _semantic,
    "wire": rewritten,
    "raw": broken,
}
