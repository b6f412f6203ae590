"""Names that were not kept are no identity, and a name that one call confirms is shown for the others."""

from __future__ import annotations

from itertools import count
from random import randbytes
from uuid import UUID

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas import names, wire
from agenttrace_schemas.rows import ROWS, columns
from agenttrace_schemas.rules import Policy
from tests.support.database import new_database
from tests.support.otlp import NOW, ASpan, traces

KEYED = Policy(site_key=b"a key of the site")
SECOND = 10**9
ENGLISH = ("search", "weather", "fetch", "parse")
CHINESE = ("查询知识库", "天气查询", "下载文件", "解析文件")
EMOJI = ("🔎 find", "🌦", "⬇️", "🧩")
_TOKENS = count()


@pytest.fixture(scope="module")
def database() -> ClickHouse:
    """A database that the tests of this module share."""
    return new_database()


def tool(name: str, at: float, *, seconds: float = 0.2, error: bool = False) -> ASpan:
    """A call of a tool."""
    start = NOW + int(at * SECOND)
    attributes = {wire.GEN_AI_OPERATION_NAME: "execute_tool", wire.GEN_AI_TOOL_NAME: name}
    return ASpan(
        attributes=attributes,
        span_id=randbytes(8),
        start=start,
        end=start + int(seconds * SECOND),
        error=error,
    )


def settled(database: ClickHouse, policy: Policy, *spans: ASpan) -> str:
    """Store the spans as one run and settle it; the run's id."""
    trace = randbytes(16)
    body = traces(
        *(ASpan(**{**{f: getattr(span, f) for f in ASpan.__slots__}, "trace_id": trace}) for span in spans)
    )
    tables = {row.TABLE: list(columns(row)) for row in ROWS}
    for table, block in decode_traces(body, Context(policy, "default", NOW)).blocks.items():
        database.insert(table, tables[table], block.data, token=str(next(_TOKENS)))
    Settler(SettlingStore(database), policy, Config(derive=Derive(quiet=0.001))).settle_waiting()
    return str(UUID(bytes=trace))


def derived(database: ClickHouse, run: str) -> list[tuple[object, ...]]:
    """What was derived of a run, latencies aside."""
    return list(
        map(
            tuple,
            database.query(
                f"SELECT signal_type, signal_code FROM quality_signals WHERE run_id = '{run}'"  # noqa: S608
                " AND signal_type != 'latency_threshold' ORDER BY ALL"
            ),
        )
    )


def story(tools: tuple[str, ...]) -> list[ASpan]:
    """One fails, another one follows, and two more after each other."""
    first, second, third, fourth = tools
    return [tool(first, 0, error=True), tool(second, 1), tool(third, 2), tool(fourth, 3)]


@pytest.mark.parametrize("tools", [CHINESE, EMOJI])
def test_names_in_any_script_are_told_apart_with_a_key(database: ClickHouse, tools: tuple[str, ...]) -> None:
    """As names that are kept are."""
    control = settled(database, KEYED, *story(ENGLISH))
    other = settled(database, KEYED, *story(tools))
    assert derived(database, other) == derived(database, control)
    assert ("tool_success", "fallback_used") in derived(database, other)


@pytest.mark.parametrize("tools", [CHINESE, EMOJI])
def test_without_a_key_nothing_is_derived_of_their_names(
    database: ClickHouse, tools: tuple[str, ...]
) -> None:
    """Neither a retry of one tool nor a fallback from one to another."""
    run = settled(database, Policy(), *story(tools))
    assert database.query(f"SELECT retries, tool_calls FROM runs WHERE run_id = '{run}'") == [(0, 4)]  # noqa: S608
    codes = {code for _, code in derived(database, run)}
    assert not codes & {"retry_succeeded", "fallback_used"}


def test_a_name_is_shown_once_another_call_confirms_it(database: ClickHouse) -> None:
    """Of the same agent, in the same run or in another; before that its digits are."""
    failed = [tool("lookup_order", 0, error=True)]
    shown = "SELECT tool_name, name FROM steps WHERE run_id = '{}' ORDER BY started_at"
    first = settled(database, KEYED, *failed)
    digits = f"{names.UNCONFIRMED}_{names.digits(KEYED.site_key, 'lookup_order')}"
    assert database.query(shown.format(first)) == [(digits, digits)]
    both = settled(database, KEYED, *failed, tool("lookup_order", 1))
    assert database.query(shown.format(both)) == [("lookup_order", "lookup_order")] * 2
    later = settled(database, KEYED, *failed)
    assert database.query(shown.format(later)) == [("lookup_order", "lookup_order")]
