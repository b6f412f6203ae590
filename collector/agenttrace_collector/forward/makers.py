"""What makes the attribute that leaves under a key that was sent, from the value that it was sent with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.decode import ids
from agenttrace_collector.decode.attributes import value_of
from agenttrace_collector.decode.conventions.read import KEYS
from agenttrace_collector.forward import encoding
from agenttrace_collector.forward.encoding import In
from agenttrace_schemas import allowlist, names, rebuild, wire
from agenttrace_schemas.allowlist import ValueForm
from agenttrace_schemas.rules import Policy

Maker: TypeAlias = Callable[[AnyValue, Policy], bytes]
NameKind: TypeAlias = Literal["name", "conversation", "id", "requested"]

# Under which keys a conversation and what may be unconfirmed stand, in every convention.
NAMED_BY: Final[Mapping[str, frozenset[str]]] = {
    fact: frozenset(KEYS[fact]) for fact in ("conversation_id", "tool_name", "name", "actor")
}
HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
# A longer key is none that leaves, a longer value is not remembered.
LONGEST: Final = 128


@lru_cache(4_096)
def conversation(said: str, site_key: bytes) -> str:
    """The HMAC of a conversation's id; one that is a hash already stays. Empty without a key of the site."""
    return said if HASH.fullmatch(said) else names.conversation_hash(site_key, said)


def conversation_piece(key: str, said: str, policy: Policy) -> bytes:
    """The attribute of a conversation's id, empty where the id does not leave."""
    found = conversation(said, policy.site_key)
    return encoding.attribute(In.SPAN, key, found) if found else b""


@lru_cache(4_096)
def maker_of(key: str) -> Maker | None:
    """What makes the attribute of a key from its value; None for a key that does not leave."""
    form = rebuild.form_of(key)
    if form is ValueForm.NAME:
        return _NAMES[kind_of_name(key)](key)
    if form is ValueForm.COUNT:
        return _count_maker(key)
    if form in _WORDS:
        return _word_maker(key, form)
    return _form_maker(key, form) if form else None


def kind_of_name(key: str) -> NameKind:
    """Ids and requested tools are no names that might say something."""
    if key in NAMED_BY["conversation_id"]:
        return "conversation"
    if key in _ID_KEYS:
        return "id"
    # In flattened lists stand the tools that a model asks for: nothing shows that they ran.
    return "name" if key in allowlist.KEYS else "requested"


_WORDS: Final = frozenset({ValueForm.FINISH_REASON, ValueForm.OUTPUT_TYPE})
_ID_KEYS: Final = frozenset({wire.RUN_ID, wire.PARENT_RUN_ID, wire.STEP_ID})


def _form_maker(key: str, form: ValueForm) -> Maker:
    def make(value: AnyValue, policy: Policy) -> bytes:
        kept = rebuild.in_form(form, value_of(value), policy)
        return b"" if kept is None else encoding.attribute(In.SPAN, key, kept)

    return make


def _name_maker(key: str) -> Maker:
    """Short names are remembered with what is left of them."""
    slow = _form_maker(key, ValueForm.NAME)

    def make(value: AnyValue, policy: Policy) -> bytes:
        said = value.string_value
        return _kept_name(key, said, policy.site_key) if 0 < len(said) <= LONGEST else slow(value, policy)

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
        return kept(said) if len(said) <= LONGEST else slow(value, policy)

    return make


# A word of a closed list depends on nothing of a site.
_NO_POLICY: Final = Policy()


def _conversation_maker(key: str) -> Maker:
    return lambda value, policy: conversation_piece(key, value.string_value, policy)


def _tool_maker(key: str) -> Maker:
    unconfirmed = encoding.attribute(In.SPAN, key, names.UNCONFIRMED)
    return lambda value, _: unconfirmed if value.HasField("string_value") else b""


def _count_maker(key: str) -> Maker:
    slow, count = _form_maker(key, ValueForm.COUNT), encoding.CountAttribute(In.SPAN, key)

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


_NAMES: Final[Mapping[NameKind, Callable[[str], Maker]]] = {
    "name": _name_maker,
    "conversation": _conversation_maker,
    "id": _id_maker,
    "requested": _tool_maker,
}
