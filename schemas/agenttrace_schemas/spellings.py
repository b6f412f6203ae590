"""Maps the spellings of senders to the words of the closed lists.

A word is compared in one plain form, so that `maxTokens`, `MAX-TOKENS`, `FinishReason.MAX_TOKENS` and
`["max_tokens"]` are one word. A word that maps to the empty string says nothing (`none`, `null`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

FINISH_REASONS: Final[Mapping[str, str]] = {
    "stop": "stop",
    "stopped": "stop",
    "end": "stop",
    "ended": "stop",
    "end_turn": "stop",
    "end_of_turn": "stop",
    "end_of_sequence": "stop",
    "stop_sequence": "stop",
    "stop_sequences": "stop",
    "stop_token": "stop",
    "completed": "stop",
    "complete": "stop",
    "done": "stop",
    "finish": "stop",
    "finished": "stop",
    "success": "stop",
    "normal": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "length": "length",
    "max_length": "length",
    "length_limit": "length",
    "max_tokens": "length",
    "max_token": "length",
    "max_new_tokens": "length",
    "max_output_tokens": "length",
    "max_completion_tokens": "length",
    "max_tokens_reached": "length",
    "token_limit": "length",
    "token_limit_reached": "length",
    "error_limit": "length",
    "model_length": "length",
    "context_length": "length",
    "context_length_exceeded": "length",
    "context_window_exceeded": "length",
    "model_context_window_exceeded": "length",
    "tool": "tool_calls",
    "tools": "tool_calls",
    "tool_call": "tool_calls",
    "tool_calls": "tool_calls",
    "tool_calling": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "function_calls": "tool_calls",
    "function_calling": "tool_calls",
    "requires_action": "tool_calls",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "content_policy": "content_filter",
    "content_policy_violation": "content_filter",
    "safety": "content_filter",
    "image_safety": "content_filter",
    "prohibited_content": "content_filter",
    "blocked": "content_filter",
    "blocklist": "content_filter",
    "spii": "content_filter",
    "refusal": "content_filter",
    "refused": "content_filter",
    "guardrail": "content_filter",
    "guardrail_intervened": "content_filter",
    "recitation": "content_filter",
    "error_toxic": "content_filter",
    "error": "error",
    "errored": "error",
    "failed": "error",
    "failure": "error",
    "malformed_function_call": "error",
    "unexpected_tool_call": "error",
    "other": "other",
    "unknown": "other",
    "abort": "other",
    "aborted": "other",
    "cancelled": "other",
    "canceled": "other",
    "interrupted": "other",
    "incomplete": "other",
    "pause_turn": "other",
    "language": "other",
    "unspecified": "",
    "none": "",
    "null": "",
}
OUTPUT_TYPES: Final[Mapping[str, str]] = {
    "text": "text",
    "plain": "text",
    "plain_text": "text",
    "text_plain": "text",
    "str": "text",
    "string": "text",
    "json": "json",
    "json_object": "json",
    "json_schema": "json",
    "application_json": "json",
    "object": "json",
    "structured": "json",
    "structured_output": "json",
    "image": "image",
    "speech": "speech",
    "audio": "speech",
    "other": "other",
    "unspecified": "",
    "none": "",
    "null": "",
}
STEP_TYPES: Final[Mapping[str, str]] = {
    "plan": "plan",
    "retrieve": "retrieve",
    "tool": "tool",
    "respond": "respond",
    "other": "other",
}
RUN_STATUSES: Final[Mapping[str, str]] = {
    "success": "success",
    "failure": "failure",
    "partial": "partial",
    "unknown": "unknown",
}
FLAGS: Final[Mapping[str, bool]] = {
    "true": True,
    "1": True,
    "yes": True,
    "false": False,
    "0": False,
    "no": False,
}
# What may stand before the word that counts, as in {"type": "json_object"} and `finish_reason: STOP`.
LABELS: Final = frozenset(
    {"", "type", "kind", "name", "value", "reason", "finish_reason", "finish_reasons", "stop_reason"}
)
# The name of an enumeration in front of its member, as in FINISH_REASON_STOP.
PREFIX: Final = re.compile(r"[a-z0-9_]+_(?:reason|type|format|kind|status|values)_([a-z0-9_]+)", re.ASCII)
# A member with its enumeration or a method with its library in front: `FinishReason.STOP`, `litellm.acompletion`.
QUALIFIED: Final = re.compile(r"\w+(?:\.\w+)+", re.ASCII)
BETWEEN_WORDS: Final = re.compile(r"[\[\](){}<>,;|:\"'\\]+")
_HUMP: Final = re.compile(r"([a-z0-9])(?=[A-Z])|([A-Z])(?=[A-Z][a-z])", re.ASCII)
_SEPARATORS: Final = re.compile(r"[\s._/+-]+")
_SAYS_NOTHING: Final = ""
LONGEST: Final = 256
_REMEMBERED: Final = 4_096


def plain(word: str) -> str:
    """Returns the word in lower case with `_` between its parts: `maxTokens`, `max-tokens` → `max_tokens`."""
    return _SEPARATORS.sub("_", _HUMP.sub(r"\g<0>_", word.strip())).lower().strip("_")


def spelling(table: Mapping[str, str], text: str) -> str | None:
    """Returns our word for the first word of a text: empty if it states nothing, None if the table lacks it.

    The text may be JSON, a list, several words joined by commas, or the name of an enumeration's member.
    """
    if (known := table.get(text)) is not None:
        return known
    if len(text) > LONGEST:
        return None
    forms = _forms(text)
    return "" if forms == (_SAYS_NOTHING,) else next((table[form] for form in forms if form in table), None)


def flag_of(value: object) -> bool | None:
    """Returns the boolean that a value, a text or a whole number states, else None."""
    if isinstance(value, bool):
        return value
    return FLAGS.get(plain(str(value)[:LONGEST])) if isinstance(value, str | int) else None


@lru_cache(maxsize=_REMEMBERED)
def _forms(text: str) -> tuple[str, ...]:
    """The plain forms that the first word of a text may stand for, the whole word first."""
    for word in BETWEEN_WORDS.split(text):
        if plain(word) not in LABELS:
            return tuple(_forms_of(word.strip()))
    return (_SAYS_NOTHING,)


def _forms_of(word: str) -> Iterator[str]:
    yield (whole := plain(word))
    if QUALIFIED.fullmatch(word):
        parts = word.split(".")
        yield from (plain(".".join(parts[first:])) for first in range(1, len(parts)))
    if member := PREFIX.fullmatch(whole):
        yield member[1]
