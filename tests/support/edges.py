"""Values at the edges of what each attribute key may have, by the reader of the key."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.decode.conventions import read, table
from agenttrace_schemas import wire
from agenttrace_schemas.allowlist import RESOURCE
from agenttrace_schemas.rules import BLOCKED_KEYS
from tests.support.reference import Value, attribute

Stated: TypeAlias = Iterator[tuple[str, AnyValue]]
SECRETS: Final = (
    "jane.doe@example.com",
    "sk-" + "a1" * 10,
    "AKIA" + "A1B2" * 4,
    "ghp_" + "a" * 24,
    "4111 1111 1111 1111",
    "x4111-1111-1111-1111",
    "41111111111111112",
    "eyJhbGciOiJI.abcd",
)
_LIMITS: Final = (31, 32, 33, 36, 63, 64, 65, 99, 100, 101, 127, 128, 129, 199, 200, 201, 256, 257)
TEXTS: Final = (
    *(
        "",
        " ",
        "a",
        " a ",
        "\x1fa\x1c",
        "a\n",
        "a\x00b",
        "a b c d e",
        "a b c d e f",
        "é",
        "search",
        "lookup_order",
    ),
    *(
        "gpt-4o (Azure)",
        "a b c (d e)",
        "@cf/meta/llama",
        "~vendor/model",
        "/models/x",
        "_redacted",
        "_redacted_0a1b2c3d",
    ),
    *(
        "_unconfirmed",
        "_unknown_tool",
        "a\u00a0b",
        "\u2003a\u2003",
        "a\u2028",
        "K",
        "transfer_to_x",
        "handoff",
    ),
    *(
        "builtins.ValueError",
        "TimeoutError",
        "ModelRetry",
        "unknown tool",
        "tool not found",
        "_OTHER",
        "a.b.",
        "500",
    ),
    *("mcp_tool_error", "exit code: 3", "Agent Not Found", "site_rule", "timeout"),
)
_UUIDS: Final = (
    *(
        "7b553c7f-16f7-5fd5-a870-5ff589e06405",
        "7B553C7F16F75FD5A8705FF589E06405",
        "{7b553c7f16f75fd5a8705ff589e064}",
    ),
    *(
        "7b553c7f16f75fd5a8705ff589e0640",
        "7b553c7f 16f7 5fd5 a870 5ff589e06405",
        "7b553c7f-16f7-5fd5-a870-5ff589e0640g",
    ),
    *("é" * 32, "-" * 36, "run-1", "a" * 31, "a" * 32, "f" * 36),
)
NUMBERS: Final[Sequence[Value]] = (
    *(0, 1, -1, 2, 10, -10, 2**32 - 2, 2**32 - 1, 2**32, 2**48 - 1, 2**48, 2**48 + 1, 2**63 - 1, -(2**63)),
    *(0.0, -0.0, 1.0, 0.5, 1.5, 2.0**48, 2.0**48 + 1, 1e300, -5e-324, float("inf"), float("nan")),
    *(
        "0",
        "00012",
        " 25 ",
        "25.0",
        "2.5e1",
        "1e9",
        "-3",
        "1,000",
        "9" * 20,
        "9" * 21,
        str(2**48),
        str(2**48 + 1),
        "٣",
        "NaN",
    ),
    *(True, False),
)
_LISTS: Final[Sequence[Value]] = (
    *(
        "[]",
        "[1,2]",
        ' [ {"a": [1]}, "x" ] ',
        "[1,]",
        "[1",
        '["\\ud800"]',
        "{}",
        "null",
        "[01]",
        "[1] x",
        "3",
        "03",
    ),
    *('[1.5e3, -0, true, null, "\\u00e9"]', "[NaN]", "[" * 40 + "]" * 40),
    *(["a"] * count for count in (0, 1, 31, 32, 33)),
)
FLAGS: Final[Sequence[Value]] = (
    "true",
    "TRUE",
    " yes ",
    "No",
    "0",
    "1",
    "",
    "maybe",
    "é",
    "t-rue",
    True,
    False,
    1,
    0,
    -1,
    2,
    1.0,
)
_NAMES: Final = sorted(
    {key for keys in read.KEYS.values() for key in keys} | set(read.FIRST) | set(read.LATER)
)
_FAMILY_KEYS: Final = (
    *(
        "gen_ai.completion.0.tool_calls.0.name",
        "gen_ai.completion.0.finish_reason",
        "gen_ai.completion.0.content",
    ),
    *("retrieval.documents.0.document.id", "retrieval.documents.999999.x", "retrieval.documents.1000000.x"),
    *(
        "retrieval.documents.0000009.x",
        "retrieval.documents.a.x",
        "retrieval.documents.³.x",
        "retrieval.documents.",
    ),
    *(
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
        "llm.output_messages.0.message.content",
    ),
)
_BLOCKED: Final = sorted(BLOCKED_KEYS)


def text_edge(rng: random.Random) -> str:
    """A text: of a certain length, a secret, an id, a name or none."""
    chance = rng.random()
    if chance < 0.25:
        return rng.choice(("a", "é", "a-")) * rng.choice(_LIMITS)
    if chance < 0.4:
        return rng.choice(("", "x ", "user ")) + rng.choice(SECRETS)
    return rng.choice(_UUIDS) if chance < 0.55 else rng.choice(TEXTS)


def _spelled(rng: random.Random, words: Mapping[str, str]) -> Value:
    """A word of a closed list as somebody may write it."""
    word = rng.choice([*words, *words.values(), "nonsense", ""])
    camel = "".join(part.title() for part in word.split("_"))
    written = rng.choice(
        [
            *(word, word.upper(), camel, camel[:1].lower() + camel[1:], f"FINISH_REASON_{word.upper()}"),
            *(f"Reason.{word}", f"litellm.a.{word}", f'{{"type": "{word}"}}', f'["{word}", "stop"]'),
            *(
                f"reason: {word}",
                f" {word} ",
                f"é{word}",
                word.replace("_", "-"),
                f"_{word}_",
                f"HTTP{camel}",
            ),
            *(f"a_kind_{word}_type_{word}", word + "é" * 256, word * 50),
        ]
    )
    listed = rng.random() < 0.25
    return [*rng.choice(([], [" "], [""] * 31, [""] * 30)), written] if listed else written


def _value(rng: random.Random, reader: table.ReadValue) -> Value:
    if isinstance(reader, table.Spelled):
        return _spelled(rng, reader.spellings)
    if reader in {table.count, table.sequence, table.next_count}:
        return rng.choice(NUMBERS)
    if reader is table.length:
        return rng.choice((*_LISTS, *NUMBERS))
    if reader is table.flag:
        return rng.choice(FLAGS)
    if reader is table.failed:
        return rng.choice(("error", "FAILED", "Failure", "ok", "é", "er-ror", ""))
    return text_edge(rng)


def any_value(value: Value) -> AnyValue:
    """The value as OTLP has it."""
    return attribute("", value).value


def key_and_value(rng: random.Random) -> Stated:
    """An attribute of a span."""
    chance = rng.random()
    if chance < 0.1:
        key = rng.choice(_FAMILY_KEYS)
        yield (
            key,
            any_value(rng.choice((_spelled(rng, {"stop": "stop", "tool_calls": "tool_calls"}), "name", 1))),
        )
        return
    if chance < 0.2:
        yield from metadata(rng)
        return
    key = rng.choice(_NAMES)
    readers = [read.FIRST[key][1]] if key in read.FIRST else []
    readers += [reader for _, _, reader in read.LATER.get(key, ())]
    wrong = rng.random() < 0.1
    yield key, any_value(rng.choice((*NUMBERS, *_LISTS)) if wrong else _value(rng, rng.choice(readers)))


def metadata(rng: random.Random) -> Stated:
    """One key of metadata, or as many as there may be and one more or less."""
    if rng.random() < 0.15:
        for number in range(rng.choice((31, 32, 33))):
            yield f"{wire.METADATA_PREFIX}key{number}", any_value(number)
        return
    word = rng.choice(_BLOCKED)
    key = rng.choice(
        [
            *(word, word.upper(), "_".join(word), f"{word}1", f"{word}x", "region", "a b", "", "é", "1st"),
            *("_", "\u212a" + word, "k" * 63, "k" * 64, "k" * 65, "a" * 130, "x-." * 3, "AKIA" + "A" * 16),
        ]
    )
    value = rng.choice((text_edge(rng), rng.choice(NUMBERS), rng.choice(_LISTS)))
    yield wire.METADATA_PREFIX + key, any_value(value)


def resource_key_and_value(rng: random.Random) -> tuple[str, AnyValue]:
    """An attribute of a resource."""
    value = rng.choice((text_edge(rng), "unknown_service:python", "unknown_service", rng.choice(NUMBERS)))
    return rng.choice(sorted(RESOURCE)), any_value(value)
