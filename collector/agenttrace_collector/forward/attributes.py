"""The attributes a step leaves with: as they were sent, or under the names of OpenTelemetry's GenAI conventions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import UUID

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode import ids
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions import genai, openinference, openllmetry, ours
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.steps import named
from agenttrace_collector.forward.values import values_of
from agenttrace_schemas import names, rules, wire
from agenttrace_schemas.column_types import FINISH_REASONS, OPERATIONS, OUTPUT_TYPES
from agenttrace_schemas.rebuild import rebuilt_attributes
from agenttrace_schemas.rules import Policy, Violation

Attributes = Callable[[Span, SpanFacts, frozenset[str], BatchBuilder], dict[str, Any]]

_KEYS: Final[dict[str, frozenset[str]]] = {
    fact: frozenset(
        row.key
        for table in (ours, genai, openinference, openllmetry)
        for row in table.ROWS
        if row.fact == fact
    )
    for fact in ("conversation_id", "tool_name", "name", "actor")
}
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
# Names of tools that a model asks for: nothing shows that they ran.
_REQUESTED: Final = (".tool_calls.", ".name")
_NAMES: Final = {
    "actor": wire.GEN_AI_AGENT_NAME,
    "tool_name": wire.GEN_AI_TOOL_NAME,
    "model": wire.GEN_AI_REQUEST_MODEL,
    "response_model": wire.GEN_AI_RESPONSE_MODEL,
    "error_type": wire.ERROR_TYPE,
    "name": wire.STEP_NAME,
    "agent_id": wire.AGENT_ID,
    "agent_version": wire.AGENT_VERSION,
    "environment": wire.ENVIRONMENT,
}
_PLAIN: Final = {
    "input_tokens": wire.GEN_AI_USAGE_INPUT_TOKENS,
    "output_tokens": wire.GEN_AI_USAGE_OUTPUT_TOKENS,
    "stream": wire.GEN_AI_REQUEST_STREAM,
    "retrieval_count": wire.STEP_RETRIEVAL_COUNT,
    "attempt": wire.STEP_ATTEMPT,
}
# One try of a model call that another span tells as a whole; GenAI has no name for it. Counted from 0.
_MODEL_REQUEST: Final = "pydantic_ai.model_request.attempt"
_IDS: Final = {"run_id": wire.RUN_ID, "parent_run_id": wire.PARENT_RUN_ID, "step_id": wire.STEP_ID}


def as_sent(
    span: Span, facts: SpanFacts, unconfirmed: frozenset[str], builder: BatchBuilder
) -> dict[str, Any]:
    """The keys that were sent and are read; `unconfirmed` are facts whose name nothing confirms."""
    policy = builder.context.policy
    kept = dict(rebuilt_attributes(values_of(span.attributes), policy))
    hidden = frozenset[str]().union(*(_KEYS[fact] for fact in unconfirmed))
    for key in kept:
        if key in hidden:
            kept[key] = facts.name
        elif _REQUESTED[0] in key and key.endswith(_REQUESTED[1]):
            kept[key] = names.UNCONFIRMED
    for key in _KEYS["conversation_id"] & kept.keys():
        del kept[key]
    stated = {
        each.key: each.value.string_value for each in span.attributes if each.key in _KEYS["conversation_id"]
    }
    kept.update({key: found for key, said in stated.items() if (found := conversation(said, policy))})
    return kept


def normalised(
    _span: Span, facts: SpanFacts, _unconfirmed: frozenset[str], builder: BatchBuilder
) -> dict[str, Any]:
    """The facts under the names of the GenAI conventions, and our stamps."""
    return {key: value for key, value in _normalised(facts, builder) if value not in ("", None)}


def conversation(said: str, policy: Policy) -> str:
    """The HMAC of a conversation's id; one that is a hash already stays. Empty without a key of the site."""
    return said if _HASH.fullmatch(said) else names.conversation_hash(policy.site_key, said)


def _normalised(facts: SpanFacts, builder: BatchBuilder) -> Iterator[tuple[str, Any]]:
    yield wire.GEN_AI_OPERATION_NAME, rules.closed(facts.operation, OPERATIONS)
    yield wire.STEP_TYPE, facts.step_type
    for fact, key in _NAMES.items():
        yield key, named(facts, fact, (), builder)
    for fact, key in _PLAIN.items():
        yield key, getattr(facts, fact)
    for fact, key in _IDS.items():
        stated = getattr(facts, fact)
        yield key, str(UUID(bytes=ids.parse_or_hash_id(stated))) if stated else ""
    if facts.request_attempt:
        yield _MODEL_REQUEST, facts.request_attempt - 1
    yield wire.STEP_SEQ, facts.seq or None
    yield wire.RUN_STATUS, facts.run_status
    if facts.finish_reason:
        yield wire.GEN_AI_RESPONSE_FINISH_REASONS, (rules.closed(facts.finish_reason, FINISH_REASONS),)
    if facts.output_type:
        yield wire.GEN_AI_OUTPUT_TYPE, rules.closed(facts.output_type, OUTPUT_TYPES)
    yield wire.GEN_AI_CONVERSATION_ID, conversation(facts.conversation_id, builder.context.policy)
    try:
        metadata = rules.check_metadata(builder.context.policy, facts.metadata or {})
    except Violation:
        return
    yield from ((wire.METADATA_PREFIX + key, value) for key, value in metadata.items())
