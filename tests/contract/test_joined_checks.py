"""The constraint that checks a row's identifiers at once accepts exactly what one for each column accepts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_schemas.checks import checks, constraints
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.expressions import quoted
from agenttrace_schemas.rows import Row
from tests.contract.cases import COLUMN_CASES
from tests.contract.shape import TOKEN
from tests.support.database import migrated

# Halves of what two lines could make only together, line breaks, edges of length, bytes that are no text.
EDGES: Final = (
    *(
        "",
        "_redacted",
        "a",
        "gpt-4o (Azure)",
        "one two three four five",
        "one two three four five six",
        " a",
        "a ",
    ),
    *(
        "\n",
        "a\n",
        "\na",
        "a\nb",
        "a\n\nb",
        "\r",
        "\r\n",
        "a\tb",
        "\x00",
        "a\x00b",
        "\u2028",
        "\x85",
        "é",
        "日本",
        "a\\nb",
    ),
    *(
        "a" * 128,
        "a" * 129,
        "é" * 64,
        "é" * 128,
        "a" * 127 + "\n",
        " ".join(["a" * 30] * 4),
        " ".join(["a" * 31] * 4),
    ),
    *(
        "user@",
        "example.com",
        "@example.com",
        "user@example.com",
        "user",
        "user@example",
        "x.user@example.com.",
    ),
    *(
        "sk-",
        "sk-aaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaa",
        "xsk-aaaaaaaaaaaaaaaa",
        "AKIA",
        "AKIAABCDEFGHIJKLMNOP",
    ),
    *(
        "4111",
        "1111",
        "4111 1111",
        "4111-1111-1111-1111",
        "4111111111111111",
        "a4111111111111111",
        "41111111111111111",
    ),
    *(
        "eyJaaaaaaaaaaaa.",
        "eyJaaaaaaaaaaaa.aaaa",
        "hf_" + "a" * 30,
        "@cf/meta/llama",
        "~a/b",
        "/models/llama",
        "(a)",
        "a (b c)",
    ),
)
# The letters of which identifiers and secrets are made, and those next to them.
_TEXTS: Final = st.text(st.sampled_from("aZ09_.:/@+#-~ ()\n\r\t\x00é=sk"), max_size=24) | st.sampled_from(
    EDGES
)


def joined(row: type[Row]) -> tuple[str, str, list[str]]:
    """The joined expression of a table, those that it stands for, and their columns."""
    declared = constraints(row, TOKEN)
    alone = [each for each in checks(row, TOKEN) if each not in declared]
    return (
        declared[0].expression,
        " AND ".join(f"({each.expression})" for each in alone),
        [each.column for each in alone],
    )


def differences(database: ClickHouse, row: type[Row], pairs: str) -> tuple[int, int, int]:
    """In how many rows the two differ, how many both accept and how many there are.

    Each pair of texts stands in every two columns beside each other, the others are empty.
    """
    whole, alone, names = joined(row)
    places = f"(SELECT arrayJoin(range({len(names) - 1})) AS place)"
    stated = ", ".join(
        f"multiIf(place = {n}, a, place + 1 = {n}, b, '') AS {name}" for n, name in enumerate(names)
    )
    statement = (
        f"SELECT countIf(({whole}) != ({alone})), countIf({whole}), count()"  # noqa: S608 - of ours
        f" FROM (SELECT {stated} FROM ({pairs}) AS pairs CROSS JOIN {places} AS places)"
    )
    ((differ, accepted, total),) = database.query(statement)
    return differ, accepted, total


def texts(values: Iterable[str]) -> str:
    """A list of texts, and bytes that are no UTF-8."""
    return f"[{', '.join(map(quoted, values))}, unhex('ff'), concat('a', unhex('0aff'))]"


def test_two_columns_at_least_are_checked_together() -> None:
    """In every table that has so many, all that it was made with."""
    for row in ALL_ROWS:
        whole, _, names = joined(row)
        assert names == [] or len(names) > 1
        assert all(name in whole for name in names)
    assert max(len(joined(row)[2]) for row in ALL_ROWS) == 10


@pytest.mark.parametrize("row", [row for row in ALL_ROWS if joined(row)[2]], ids=lambda row: row.TABLE)
def test_every_pair_of_edges_is_judged_alike(row: type[Row]) -> None:
    """The cases of the rules and the edges, each beside each."""
    known = {case.value for case in COLUMN_CASES if isinstance(case.value, str)}
    listed = texts(sorted({*EDGES, *known}))
    pairs = f"SELECT a, b FROM (SELECT arrayJoin({listed}) AS a) AS x CROSS JOIN (SELECT arrayJoin({listed}) AS b) AS y"  # noqa: S608
    differ, accepted, total = differences(migrated(TOKEN), row, pairs)
    assert differ == 0
    assert 0 < accepted < total


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(_TEXTS, _TEXTS), min_size=100, max_size=200))
def test_any_texts_are_judged_alike(found: Sequence[tuple[str, str]]) -> None:
    """Texts of the letters that matter, beside each other."""
    listed = ", ".join(f"({quoted(a)}, {quoted(b)})" for a, b in found)
    pairs = f"SELECT pair.1 AS a, pair.2 AS b FROM (SELECT arrayJoin([{listed}]) AS pair)"  # noqa: S608 - of ours
    assert differences(migrated(TOKEN), ALL_ROWS[1], pairs)[0] == 0
