"""Values at the edges of what the keys of coding agents' spans may have, and the names that these spans have."""

from __future__ import annotations

import random
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.decode.conventions import table
from agenttrace_collector.decode.conventions.agent_spans import AGENT_SPANS, DENIES, PERSONS
from tests.support.edges import FLAGS, NUMBERS, any_value, text_edge
from tests.support.reference import Value

_TABLES: Final = tuple(each for each in AGENT_SPANS.values() if not each.is_silent)
_READERS: Final = {key: reader for each in _TABLES for key, (_, reader) in each.facts.items()}
_WORDS: Final = (
    *sorted(DENIES),
    *sorted(PERSONS),
    "accept",
    "Reject",
    "USER-REJECT",
    "config",
    "é",
    " ",
    "a.b",
)
SPAN_NAMES: Final = tuple(
    sorted({name for each in _TABLES for name in (*each.operations, *each.links, *each.prompts, *each.begun)})
)


def agent_key_and_value(rng: random.Random) -> tuple[str, AnyValue]:
    """An attribute of a coding agent's span."""
    key = rng.choice(tuple(_READERS))
    words: dict[table.ReadValue, tuple[Value, ...]] = {table.count: (*NUMBERS,), table.flag: (*FLAGS,)}
    chosen = words.get(_READERS[key], (*_WORDS, text_edge(rng)))
    return key, any_value(rng.choice(chosen if rng.random() < 0.9 else (*NUMBERS, *FLAGS, text_edge(rng))))
