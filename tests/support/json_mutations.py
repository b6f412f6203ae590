"""OTLP/JSON that is still JSON, with values, keys and depths that nobody expects."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

_ODD: Final[tuple[Any, ...]] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**63,
        2**64,
        -(2**63) - 1,
        1e308,
        "",
        "?",
        "1e3",
        "-1",
        "25.0",
        "NaN",
        "null",
    ),
    *(
        "2026-11-26T12:00:00Z",
        "SPAN_KIND_CLIENT",
        "STATUS_CODE_ERROR",
        "true",
        "\ud800",
        "\u0000",
        "x" * 5_000,
    ),
    *(
        [],
        [None],
        [[]],
        {},
        {"": None},
        {"intValue": {}},
        {"values": 5},
        {"arrayValue": []},
        {"kvlistValue": [1]},
    ),
)
# A marker that is replaced in the text by what Python's own writer would not write.
_MARK: Final = "a mark of the mutation"
_RAW: Final = (
    "[" * 400 + "]" * 400,
    '{"a":' * 1_500 + "1" + "}" * 1_500,
    "9" * 5_000,
    # More than a double holds, fewer digits than Python reads.
    "9" * 400,
    "-" + "9" * 400,
    "-1e999",
    "Infinity",
    "NaN",
    '{"values":[' * 70 + "]}" * 70,
)
_HUMP: Final = re.compile("(?<=[a-z0-9])[A-Z]")


def mutated_json(rng: random.Random, body: bytes) -> bytes:
    """The document with one to five changes, at any place of it."""
    document = json.loads(body)
    for _ in range(rng.randrange(1, 6)):
        places = list(_places(document))
        if not places:
            break
        parent, key = rng.choice(places)
        rng.choice(_CHANGES)(rng, parent, key)
    return json.dumps(document).replace(f'"{_MARK}"', rng.choice(_RAW)).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every list or object with each of its indices or keys."""
    keys = range(len(value)) if isinstance(value, list) else list(value) if isinstance(value, dict) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _replace(rng: random.Random, parent: Any, key: Any) -> None:
    # A copy: later changes of this and other documents may be inside of it.
    parent[key] = deepcopy(rng.choice(_ODD))


def _replace_raw(_: random.Random, parent: Any, key: Any) -> None:
    parent[key] = _MARK


def _wrap(rng: random.Random, parent: Any, key: Any) -> None:
    parent[key] = rng.choice(([parent[key]], {"value": parent[key]}, [parent[key], None]))


def _remove(_: random.Random, parent: Any, key: Any) -> None:
    del parent[key]


def _respell(_: random.Random, parent: Any, key: Any) -> None:
    """The name that the protocol's files have."""
    if isinstance(key, str):
        parent[_HUMP.sub(lambda match: f"_{match[0].lower()}", key)] = parent.pop(key)


def _as_text(_: random.Random, parent: Any, key: Any) -> None:
    parent[key] = json.dumps(parent[key])


_CHANGES: Final = (_replace, _replace, _replace_raw, _wrap, _remove, _respell, _as_text)
