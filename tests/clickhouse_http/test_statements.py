"""Which functions and settings a statement may have, and blocks of ClickHouse's own compression."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace_collector.errors import TooLarge
from agenttrace_collector.sql_endpoint import frames
from agenttrace_collector.sql_endpoint.functions import COMBINATORS, is_allowed, sorted_functions
from agenttrace_collector.sql_endpoint.problems import SqlRefused
from agenttrace_collector.sql_endpoint.settings import may_be_set
from tests.support import plain_http
from tests.support.api import Api
from tests.support.collector import Collector, running_collector
from tests.support.database import empty_database
from tests.support.run_documents import run_document


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One on a host of another time zone, with a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        with running_collector(tmp_path_factory.mktemp("sql")) as running:
            api = Api(running)
            api.post(run_document(time.time_ns()))
            api.eventually(lambda body: body["total"] > 0, "/v1/runs")
            yield running


def ask(collector: Collector, statement: str, **parameters: str) -> httpx.Response:
    """POST a statement."""
    url = collector.url("clickhouse")
    return plain_http.post(url, content=statement, params=parameters)


def test_every_function_of_the_engine_is_sorted() -> None:
    """A new one is refused until somebody has looked at it; one that is gone leaves the list."""
    rows = empty_database().query("SELECT name FROM system.functions")
    assert {str(name) for (name,) in rows} == sorted_functions().keys()
    assert set(sorted_functions().values()) == {"allowed", "refused"}


def test_every_combinator_is_known() -> None:
    """Their names are those of the engine."""
    rows = empty_database().query("SELECT lower(name) FROM system.aggregate_function_combinators")
    assert {str(name) for (name,) in rows} <= set(COMBINATORS)


@pytest.mark.parametrize(
    "name",
    ["sumIf", "SUMIF", "quantilesTDigestArrayIf", "uniqExactMergeState", "avgOrNullIf", "cast", "lambda"],
)
def test_names_are_read_with_combinators_in_any_case(name: str) -> None:
    """As the engine does."""
    assert is_allowed(name)


@pytest.mark.parametrize(
    "name", ["sleep", "SLEEP", "sleepIf", "fileOrNull", "neverHeardOf", "if_", "", "if"[1:]]
)
def test_what_is_not_on_the_list_is_refused(name: str) -> None:
    """Whatever stands behind it."""
    assert not is_allowed(name)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * APPLY sleepEachRow FROM numbers(1)",
        "SELECT * APPLY(x -> sleep(x)) FROM numbers(1)",
        "SELECT COLUMNS('n') APPLY(toString) APPLY(file) FROM numbers(1)",
        "WITH (x -> x) AS sleep SELECT sleep(1)",
        "WITH (x -> sleep(x)) AS f SELECT f(1)",
        "SELECT arrayMap(x -> sleep(x), [1])",
        "SELECT 1 WHERE getSetting('x')",
        "SELECT 1 ORDER BY logTrace('x')",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_threads = 1, allow_ddl = 1",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1 SETTINGS max_execution_time = 3600",
        "SELECT 1 FORMAT JSON SETTINGS output_format_schema = 'x'",
        "SELECT (SELECT 1 SETTINGS log_queries = 1)",
        "USE system",
        "USE other",
    ],
)
def test_no_way_around_the_lists(collector: Collector, statement: str) -> None:
    """Hidden in a transformer, a lambda, a clause or a subquery."""
    answer = ask(collector, statement)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "497"), answer.text


def test_a_refused_setting_is_named(collector: Collector) -> None:
    """So that one knows which to leave out."""
    assert "readonly is not set here" in ask(collector, "SELECT 1 SETTINGS readonly = 0").text


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1 SETTINGS max_threads = 2, max_block_size = 10", "1\n"),
        (
            "SELECT sum(number) FROM (SELECT * FROM numbers(3) SETTINGS max_threads = 1) SETTINGS max_execution_time = 5",
            "3\n",
        ),
        (
            "SELECT 1 AS a FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 1",
            '{"a":1}\n',
        ),
        ("SELECT * APPLY(toString) FROM numbers(1)", "0\n"),
        ("WITH (x -> x + 1) AS next SELECT next(1)", "2\n"),
        ("SELECT 'SETTINGS readonly = 0'", "SETTINGS readonly = 0\n"),
        ("SELECT 1 FORMAT Null", ""),
        ("USE agenttrace", ""),
        ("use `default`;", ""),
        ("SELECT count() FROM runs WHERE exists(SELECT 1)", "1\n"),
    ],
)
def test_what_is_harmless_works(collector: Collector, statement: str, expected: str) -> None:
    """As on a server."""
    answer = ask(collector, statement)
    assert (answer.status_code, answer.text) == (200, expected)


def test_texts_are_utc_and_the_header_says_what_the_session_uses(collector: Collector) -> None:
    """Whatever the host has."""
    statement = "SELECT timezone(), toString(toDateTime(0))"
    answer = ask(collector, statement)
    assert answer.text == "UTC\t1970-01-01 00:00:00\n"
    assert answer.headers["x-clickhouse-timezone"] == "UTC"
    other = ask(collector, statement, session_timezone="Asia/Tokyo")
    assert other.text == "Asia/Tokyo\t1970-01-01 09:00:00\n"
    assert other.headers["x-clickhouse-timezone"] == "Asia/Tokyo"


def test_the_root_says_that_it_is_there(collector: Collector) -> None:
    """Without a statement, as load balancers ask."""
    url = collector.url("clickhouse")
    assert (plain_http.get(url).text, plain_http.head(url).status_code) == (
        "Ok.\n",
        200,
    )


def test_a_token_does_not_stand_in_a_url(collector: Collector) -> None:
    """Proxies and histories keep those."""
    answer = ask(collector, "SELECT 1", user="anyone", password="hunter2")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (400, "36")
    assert "X-ClickHouse-Key" in answer.text
    assert "hunter2" not in answer.text + collector.log()


def test_grafana_finds_the_time_of_a_trace(collector: Collector) -> None:
    """By the question that its trace view asks first."""
    ((trace,),) = [
        line.split("\t") for line in ask(collector, "SELECT any(TraceId) FROM otel_traces").text.splitlines()
    ]
    found = ask(
        collector,
        "WITH {trace:String} AS trace_id, (SELECT min(Start) FROM otel_traces_trace_id_ts WHERE TraceId = trace_id)"
        " AS first, (SELECT max(End) + 1 FROM otel_traces_trace_id_ts WHERE TraceId = trace_id) AS last"
        " SELECT count() > 0 FROM otel_traces WHERE TraceId = trace_id AND Timestamp >= first AND Timestamp <= last",
        param_trace=trace,
    )
    assert found.text == "1\n", found.text


def test_blocks_are_packed_and_read(collector: Collector) -> None:
    """As JDBC asks for them, in both directions."""
    answer = ask(collector, "SELECT toString(number) FROM numbers(300000)", compress="1")
    plain = frames.unpack(answer.content, 1 << 24)
    assert plain == b"".join(b"%d\n" % number for number in range(300_000))
    url = collector.url("clickhouse")
    packed = frames.pack(b"SELECT 41 + 1")
    asked = plain_http.post(url, content=packed, params={"decompress": "1"})
    assert asked.text == "42\n"
    broken = plain_http.post(url, content=packed[:-1] + b"x", params={"decompress": "1"})
    assert (broken.status_code, broken.headers["x-clickhouse-exception-code"]) == (400, "36")


@given(st.binary(max_size=3_000), st.integers(0, 3))
def test_blocks_hold_what_was_packed(data: bytes, copies: int) -> None:
    """And never more than is allowed; changed bytes are found by the checksum."""
    whole = data * 1_000**copies if copies < 3 else data * 1_000
    packed = frames.pack(whole)
    assert frames.unpack(packed, len(whole)) == whole
    if whole:
        with pytest.raises(TooLarge):
            frames.unpack(packed, len(whole) - 1)
    for place in (0, len(packed) // 2, len(packed) - 1):
        changed = bytearray(packed)
        changed[place] ^= 1
        with pytest.raises((SqlRefused, TooLarge)):
            frames.unpack(bytes(changed), len(whole))


def test_settings_that_name_files_are_none() -> None:
    """Every other form of an answer is."""
    assert may_be_set("output_format_parquet_row_group_size")
    for name in (
        "output_format_schema",
        "format_schema",
        "format_template_row",
        "output_format_template_path",
    ):
        assert not may_be_set(name)
