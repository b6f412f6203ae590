"""The attributes a step leaves with: as they were sent, or under the names of OpenTelemetry's GenAI conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

from agenttrace_collector.decode import ids
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.outgoing import OutgoingStep
from agenttrace_collector.forward import encoding
from agenttrace_collector.forward.encoding import In
from agenttrace_collector.forward.makers import LONGEST, NAMED_BY, conversation_piece, maker_of
from agenttrace_schemas import names, wire
from agenttrace_schemas.allowlist import DOCUMENT_KEY, DOCUMENTS
from agenttrace_schemas.rows import StepRow
from agenttrace_schemas.rules import Policy

# The pieces of a step's attributes.
Attributes: TypeAlias = Callable[[OutgoingStep, Policy], bytes]


def as_sent(step: OutgoingStep, policy: Policy) -> bytes:
    """The keys that were sent and are read."""
    kept: dict[str, bytes] = {}
    documents = -1
    for key, value in step.sent:
        make = maker_of(key) if len(key) <= LONGEST else None
        if make is not None:
            kept[key] = make(value, policy)
        elif key.startswith(DOCUMENT) and (found := DOCUMENTS.fullmatch(key)):
            documents = max(documents, int(found[1]))
    if documents >= 0:
        kept[DOCUMENT] = encoding.attribute(In.SPAN, DOCUMENT_KEY.format(documents), "")
    for key in (key for fact in step.unconfirmed for key in NAMED_BY[fact] & kept.keys()):
        kept[key] = encoding.text(In.SPAN, key, step.facts.name)
    return b"".join(kept.values()) + metadata(step.row.metadata)


def normalised(step: OutgoingStep, policy: Policy) -> bytes:
    """The facts under the names of the GenAI conventions, and our stamps."""
    _, _, facts, row, _ = step
    stamps = _stamped(facts.agent_id and row.agent_id, facts.agent_version and row.agent_version,
                      facts.environment and row.environment, facts.run_status)  # fmt: skip
    pieces = [_named(facts.model and row.model, *_NAMES_OF(row)), stamps]
    if row.input_tokens is not None:
        pieces.append(_INPUT_TOKENS(row.input_tokens))
    if row.output_tokens is not None:
        pieces.append(_OUTPUT_TOKENS(row.output_tokens))
    if facts.run_id or facts.step_id or facts.parent_run_id or facts.decision_id:
        pieces += _stated_ids(facts, row)
    if facts.conversation_id:
        pieces.append(conversation_piece(GENAI["conversation_id"], facts.conversation_id, policy))
    if row.seq:
        pieces.append(_SEQ(row.seq))
    if row.attempt is not None:
        pieces.append(_ATTEMPT(row.attempt))
    pieces += _call_pieces(facts, row, policy)
    if row.retrieval_count is not None:
        pieces.append(_RETRIEVAL_COUNT(row.retrieval_count))
    if facts.request_attempt:
        pieces.append(encoding.attribute(In.SPAN, GENAI["request_attempt"], facts.request_attempt - 1))
    return b"".join(pieces) + metadata(row.metadata)


def _call_pieces(facts: SpanFacts, row: StepRow, policy: Policy) -> Iterator[bytes]:
    """The id of the call and the tokens of its cache, which few senders state."""
    if facts.call_id:
        key = GENAI["tool_call" if row.operation == "execute_tool" else "response"]
        yield encoding.attribute(In.SPAN, key, names.kept_name(policy.site_key, facts.call_id))
    if row.cache_read_tokens is not None:
        yield _CACHE_READ_TOKENS(row.cache_read_tokens)
    if row.cache_write_tokens is not None:
        yield _CACHE_WRITE_TOKENS(row.cache_write_tokens)


def _stated_ids(facts: SpanFacts, row: StepRow) -> Iterator[bytes]:
    if facts.run_id:
        yield _RUN_ID(row.run_id)
    if facts.step_id:
        yield _STEP_ID(row.step_id)
    if facts.parent_run_id:
        yield _PARENT_RUN_ID(ids.parse_or_hash_id(facts.parent_run_id))
    if row.decision_id:
        yield _DECISION_ID(row.decision_id)


def of_agent(row: StepRow) -> bytes:
    """The attributes of a call that a coding agent's log record tells."""
    pieces = [
        _named(row.model, *_NAMES_OF(row)),
        _stamped(row.agent_id, row.agent_version, row.environment, ""),
        _RUN_ID(row.run_id),
        _STEP_ID(row.step_id),
    ]
    if row.input_tokens is not None:
        pieces.append(_INPUT_TOKENS(row.input_tokens))
    if row.output_tokens is not None:
        pieces.append(_OUTPUT_TOKENS(row.output_tokens))
    if row.conversation_id:
        pieces.append(encoding.attribute(In.SPAN, GENAI["conversation_id"], row.conversation_id))
    if row.attempt is not None:
        pieces.append(_ATTEMPT(row.attempt))
    return b"".join(pieces)


def metadata(values: Mapping[str, Any], tag: bytes = In.SPAN) -> bytes:
    """The attributes of metadata that keeps the rules; a value that is nothing leaves none."""
    if not values:
        return b""
    return b"".join(
        encoding.attribute(tag, wire.METADATA_PREFIX + key, value)
        for key, value in values.items()
        if value is not None
    )


# Under which key each fact leaves. The first are names, in this order.
GENAI: Final[Mapping[str, str]] = {
    "model": wire.GEN_AI_REQUEST_MODEL,
    "response_model": wire.GEN_AI_RESPONSE_MODEL,
    "operation": wire.GEN_AI_OPERATION_NAME,
    "step_type": wire.STEP_TYPE,
    "actor": wire.GEN_AI_AGENT_NAME,
    "tool_name": wire.GEN_AI_TOOL_NAME,
    "error_type": wire.ERROR_TYPE,
    "name": wire.STEP_NAME,
    "finish_reason": wire.GEN_AI_RESPONSE_FINISH_REASONS,
    "output_type": wire.GEN_AI_OUTPUT_TYPE,
    "stream": wire.GEN_AI_REQUEST_STREAM,
    "agent_id": wire.AGENT_ID,
    "agent_version": wire.AGENT_VERSION,
    "environment": wire.ENVIRONMENT,
    "run_status": wire.RUN_STATUS,
    "input_tokens": wire.GEN_AI_USAGE_INPUT_TOKENS,
    "output_tokens": wire.GEN_AI_USAGE_OUTPUT_TOKENS,
    "cache_read_tokens": wire.GEN_AI_USAGE_CACHE_READ,
    "cache_write_tokens": wire.GEN_AI_USAGE_CACHE_WRITE,
    "run_id": wire.RUN_ID,
    "step_id": wire.STEP_ID,
    "parent_run_id": wire.PARENT_RUN_ID,
    "decision_id": wire.STEP_DECISION_ID,
    "conversation_id": wire.GEN_AI_CONVERSATION_ID,
    "seq": wire.STEP_SEQ,
    "attempt": wire.STEP_ATTEMPT,
    "retrieval_count": wire.STEP_RETRIEVAL_COUNT,
    "tool_call": wire.GEN_AI_TOOL_CALL_ID,
    "response": wire.GEN_AI_RESPONSE_ID,
    # One try of a model call that another span tells as a whole; GenAI has no name for it. Counted from 0.
    "request_attempt": "pydantic_ai.model_request.attempt",
}
# What keys begin with that tell whose a record is.
STAMPS: Final = ("agenttrace.", wire.GEN_AI_AGENT_NAME)
LONGEST_SPAN_NAME: Final = 256
_NAMES: Final = tuple(GENAI)[:11]
_NAMES_OF: Final = attrgetter(*_NAMES[1:])
_STAMPED: Final = ("agent_id", "agent_version", "environment", "run_status")
_NAME_KEYS: Final = tuple(GENAI[fact] for fact in _NAMES)
_STAMP_KEYS: Final = tuple(GENAI[fact] for fact in _STAMPED)
_INPUT_TOKENS: Final = encoding.CountAttribute(In.SPAN, GENAI["input_tokens"])
_OUTPUT_TOKENS: Final = encoding.CountAttribute(In.SPAN, GENAI["output_tokens"])
_CACHE_READ_TOKENS: Final = encoding.CountAttribute(In.SPAN, GENAI["cache_read_tokens"])
_CACHE_WRITE_TOKENS: Final = encoding.CountAttribute(In.SPAN, GENAI["cache_write_tokens"])
_RUN_ID: Final = encoding.Id(In.SPAN, GENAI["run_id"])
_STEP_ID: Final = encoding.Id(In.SPAN, GENAI["step_id"])
_DECISION_ID: Final = encoding.Id(In.SPAN, GENAI["decision_id"])
_PARENT_RUN_ID: Final = encoding.Id(In.SPAN, GENAI["parent_run_id"])
_SEQ: Final = encoding.CountAttribute(In.SPAN, GENAI["seq"])
_ATTEMPT: Final = encoding.CountAttribute(In.SPAN, GENAI["attempt"])
_RETRIEVAL_COUNT: Final = encoding.CountAttribute(In.SPAN, GENAI["retrieval_count"])
DOCUMENT: Final = DOCUMENT_KEY.partition("{")[0]


@lru_cache(8_192)
def _named(*said: str | bool | None) -> bytes:
    """The names of a step, which are few: those that it has."""
    return b"".join(_named_pieces(said))


def _named_pieces(said: tuple[str | bool | None, ...]) -> Iterator[bytes]:
    for key, value in zip(_NAME_KEYS, said, strict=True):
        if key == wire.GEN_AI_RESPONSE_FINISH_REASONS and value:
            yield encoding.attribute(In.SPAN, key, (value,))
        elif value not in ("", None):
            yield encoding.attribute(In.SPAN, key, value)


@lru_cache(1_024)
def _stamped(*said: str) -> bytes:
    pairs = zip(_STAMP_KEYS, said, strict=True)
    return b"".join(encoding.attribute(In.SPAN, key, value) for key, value in pairs if value)
