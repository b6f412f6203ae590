"""The attributes a step leaves with: as they were sent, or under the names of OpenTelemetry's GenAI conventions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.decode import ids
from agenttrace_collector.decode.attributes import value_of
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.read import KEYS
from agenttrace_collector.decode.outgoing import Step
from agenttrace_collector.forward import encoding
from agenttrace_collector.forward.encoding import In
from agenttrace_schemas import names, rebuild, wire
from agenttrace_schemas.allowlist import DOCUMENT_KEY, DOCUMENTS, ValueForm
from agenttrace_schemas.rows import StepRow
from agenttrace_schemas.rules import Policy

# The pieces of a step's attributes.
Attributes: TypeAlias = Callable[[Step, Policy], bytes]
Maker: TypeAlias = Callable[[AnyValue, Policy], bytes]

_KEYS: Final[Mapping[str, frozenset[str]]] = {
    fact: frozenset(KEYS[fact]) for fact in ("conversation_id", "tool_name", "name", "actor")
}
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
# Names of tools that a model asks for: nothing shows that they ran.
_REQUESTED: Final = (".tool_calls.", ".name")
_LONGEST: Final = 128
# One try of a model call that another span tells as a whole; GenAI has no name for it. Counted from 0.
_MODEL_REQUEST: Final = "pydantic_ai.model_request.attempt"


def as_sent(step: Step, policy: Policy) -> bytes:
    """The keys that were sent and are read."""
    kept: dict[str, bytes] = {}
    documents = -1
    for key, value in step.sent:
        make = _maker(key) if len(key) <= _LONGEST else None
        if make is not None:
            kept[key] = make(value, policy)
        elif key.startswith(_DOCUMENT) and (found := DOCUMENTS.fullmatch(key)):
            documents = max(documents, int(found[1]))
    if documents >= 0:
        kept[_DOCUMENT] = encoding.attribute(In.SPAN, DOCUMENT_KEY.format(documents), "")
    for key in (key for fact in step.unconfirmed for key in _KEYS[fact] & kept.keys()):
        kept[key] = encoding.text(In.SPAN, key, step.facts.name)
    return b"".join(kept.values()) + metadata(step.row.metadata)


def normalised(step: Step, policy: Policy) -> bytes:
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
        pieces.append(_conversation_piece(wire.GEN_AI_CONVERSATION_ID, facts.conversation_id, policy))
    if row.seq:
        pieces.append(_SEQ(row.seq))
    if row.attempt is not None:
        pieces.append(_ATTEMPT(row.attempt))
    pieces += _call_pieces(facts, row, policy)
    if row.retrieval_count is not None:
        pieces.append(_RETRIEVAL_COUNT(row.retrieval_count))
    if facts.request_attempt:
        pieces.append(encoding.attribute(In.SPAN, _MODEL_REQUEST, facts.request_attempt - 1))
    return b"".join(pieces) + metadata(row.metadata)


def _call_pieces(facts: SpanFacts, row: StepRow, policy: Policy) -> Iterator[bytes]:
    """The id of the call and the tokens of its cache, which few senders state."""
    if facts.call_id:
        key = wire.GEN_AI_TOOL_CALL_ID if row.operation == "execute_tool" else wire.GEN_AI_RESPONSE_ID
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
        pieces.append(encoding.attribute(In.SPAN, wire.GEN_AI_CONVERSATION_ID, row.conversation_id))
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


@lru_cache(4_096)
def conversation(said: str, site_key: bytes) -> str:
    """The HMAC of a conversation's id; one that is a hash already stays. Empty without a key of the site."""
    return said if _HASH.fullmatch(said) else names.conversation_hash(site_key, said)


_NAMES_OF: Final = attrgetter(
    "response_model", "operation", "step_type", "actor", "tool_name", "error_type", "name",
    "finish_reason", "output_type", "stream",
)  # fmt: skip
_NAME_KEYS: Final = (
    wire.GEN_AI_REQUEST_MODEL,
    wire.GEN_AI_RESPONSE_MODEL,
    wire.GEN_AI_OPERATION_NAME,
    wire.STEP_TYPE,
    wire.GEN_AI_AGENT_NAME,
    wire.GEN_AI_TOOL_NAME,
    wire.ERROR_TYPE,
    wire.STEP_NAME,
    wire.GEN_AI_RESPONSE_FINISH_REASONS,
    wire.GEN_AI_OUTPUT_TYPE,
    wire.GEN_AI_REQUEST_STREAM,
)
_STAMP_KEYS: Final = (wire.AGENT_ID, wire.AGENT_VERSION, wire.ENVIRONMENT, wire.RUN_STATUS)
_INPUT_TOKENS: Final = encoding.Count(In.SPAN, wire.GEN_AI_USAGE_INPUT_TOKENS)
_OUTPUT_TOKENS: Final = encoding.Count(In.SPAN, wire.GEN_AI_USAGE_OUTPUT_TOKENS)
_CACHE_READ_TOKENS: Final = encoding.Count(In.SPAN, wire.GEN_AI_USAGE_CACHE_READ)
_CACHE_WRITE_TOKENS: Final = encoding.Count(In.SPAN, wire.GEN_AI_USAGE_CACHE_WRITE)
_RUN_ID: Final = encoding.Id(In.SPAN, wire.RUN_ID)
_STEP_ID: Final = encoding.Id(In.SPAN, wire.STEP_ID)
_DECISION_ID: Final = encoding.Id(In.SPAN, wire.STEP_DECISION_ID)
_PARENT_RUN_ID: Final = encoding.Id(In.SPAN, wire.PARENT_RUN_ID)
_SEQ: Final = encoding.Count(In.SPAN, wire.STEP_SEQ)
_ATTEMPT: Final = encoding.Count(In.SPAN, wire.STEP_ATTEMPT)
_RETRIEVAL_COUNT: Final = encoding.Count(In.SPAN, wire.STEP_RETRIEVAL_COUNT)
_DOCUMENT: Final = DOCUMENT_KEY.partition("{")[0]


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


def _conversation_piece(key: str, said: str, policy: Policy) -> bytes:
    found = conversation(said, policy.site_key)
    return encoding.attribute(In.SPAN, key, found) if found else b""


@lru_cache(4_096)
def _maker(key: str) -> Maker | None:
    """What makes the attribute of a key from its value; None for a key that does not leave."""
    form = rebuild.form_of(key)
    if form is ValueForm.NAME:
        return _name_maker(key)
    if form is ValueForm.COUNT:
        return _count_maker(key)
    if form in _WORDS:
        return _word_maker(key, form)
    return _form_maker(key, form) if form else None


_WORDS: Final = frozenset({ValueForm.FINISH_REASON, ValueForm.OUTPUT_TYPE})
_ID_KEYS: Final = frozenset({wire.RUN_ID, wire.PARENT_RUN_ID, wire.STEP_ID})


def _form_maker(key: str, form: ValueForm) -> Maker:
    def make(value: AnyValue, policy: Policy) -> bytes:
        kept = rebuild.in_form(form, value_of(value), policy)
        return b"" if kept is None else encoding.attribute(In.SPAN, key, kept)

    return make


def _name_maker(key: str) -> Maker:
    """Short names are remembered with what is left of them; ids and requested tools are no names."""
    if key in _KEYS["conversation_id"]:
        return lambda value, policy: _conversation_piece(key, value.string_value, policy)
    if key in _ID_KEYS:
        return _id_maker(key)
    if _REQUESTED[0] in key and key.endswith(_REQUESTED[1]):
        return _tool_maker(key)
    slow = _form_maker(key, ValueForm.NAME)

    def make(value: AnyValue, policy: Policy) -> bytes:
        said = value.string_value
        return _kept_name(key, said, policy.site_key) if 0 < len(said) <= _LONGEST else slow(value, policy)

    return make


@lru_cache(16_384)
def _kept_name(key: str, said: str, site_key: bytes) -> bytes:
    return encoding.attribute(In.SPAN, key, names.kept_name(site_key, said))


def _word_maker(key: str, form: ValueForm) -> Maker:
    """Short words, and lists of one, are remembered as they are on the wire with what is left of them."""

    @lru_cache(1_024)
    def kept(wire_form: bytes) -> bytes:
        return slow(AnyValue.FromString(wire_form), _NO_POLICY)

    slow = _form_maker(key, form)

    def make(value: AnyValue, policy: Policy) -> bytes:
        said = value.SerializeToString()
        return kept(said) if len(said) <= _LONGEST else slow(value, policy)

    return make


# A word of a closed list depends on nothing of a site.
_NO_POLICY: Final = Policy()


def _tool_maker(key: str) -> Maker:
    unconfirmed = encoding.attribute(In.SPAN, key, names.UNCONFIRMED)
    return lambda value, _: unconfirmed if value.HasField("string_value") else b""


def _count_maker(key: str) -> Maker:
    slow, count = _form_maker(key, ValueForm.COUNT), encoding.Count(In.SPAN, key)

    def make(value: AnyValue, policy: Policy) -> bytes:
        number = value.int_value
        return count(number) if 0 < number <= _SURELY else slow(value, policy)

    return make


_SURELY: Final = 2**32


def _id_maker(key: str) -> Maker:
    """An id that is a UUID is no name that might say something."""
    slow, made = _form_maker(key, ValueForm.NAME), encoding.Id(In.SPAN, key)

    def make(value: AnyValue, policy: Policy) -> bytes:
        said = value.string_value
        raw = ids.parse_or_hash_id(said)
        return made.as_said(said) if encoding.is_uuid(said, raw) else slow(value, policy)

    return make
