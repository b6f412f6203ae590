"""Clients of ClickHouse work against the embedded endpoint, and what they may not do is refused."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from agenttrace_collector.query import catalogue
from tests.support import plain_http
from tests.support.api import Api, tokens_file
from tests.support.collector import Collector, running_collector
from tests.support.on_server import SPANS, send
from tests.support.packing import zstd
from tests.support.run_documents import run_document
from tests.support.sampling import sampled

ADMIN = "acme-admin"
# A value for each type of parameter that a named query has.
VALUES = {
    "UUID": "00000000-0000-0000-0000-000000000001",
    "DateTime64": "2026-01-01 00:00:00",
    "UInt32": "60",
    "UInt64": "60",
    "Float64": "0.5",
}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One with tokens and with a run of a tenant."""
    directory = tmp_path_factory.mktemp("sql")
    settings = {"extensions__auth__tokens_file": str(tokens_file(directory)), "derive__quiet": "0.2s"}
    with running_collector(directory, **settings) as running:
        api = Api(running, ADMIN)
        api.post(run_document(time.time_ns()))
        api.eventually(lambda body: body["total"] > 0, "/v1/runs")
        yield running


@pytest.fixture
def client(collector: Collector) -> Iterator[Client]:
    """ClickHouse's own Python client, with the token as its password."""
    connected = clickhouse_connect.get_client(
        host="127.0.0.1",
        port=collector.ports["clickhouse"],
        username="anyone",
        password=ADMIN,
        database="agenttrace",
    )
    yield connected
    connected.close()


def ask(collector: Collector, statement: str, token: str = ADMIN, **parameters: str) -> httpx.Response:
    """POST a statement as curl does."""
    headers = {"X-ClickHouse-Key": token} if token else {}
    url = collector.url("clickhouse")
    return plain_http.post(url, content=statement, params=parameters, headers=headers)


def test_the_python_client_queries(client: Client) -> None:
    """Rows, bound parameters, a data frame's columns."""
    assert client.query("SELECT count() FROM runs").result_rows == [(1,)]
    bound = client.query(
        "SELECT {text:String}, {numbers:Array(UInt8)}", {"text": "a'b\\c\n", "numbers": [1, 2]}
    )
    assert bound.result_rows == [("a'b\\c\n", [1, 2])]
    assert client.command("SELECT 41 + 1") == 42
    assert (
        client.query(
            "SELECT name FROM system.tables WHERE database = 'agenttrace' AND name = 'runs'"
        ).row_count
        == 1
    )


def test_the_python_client_makes_data_frames(client: Client) -> None:
    """Of our views, with their times and lists."""
    frame = client.query_df("SELECT run_id, agent_id, status, started_at FROM runs")
    assert list(frame.columns) == ["run_id", "agent_id", "status", "started_at"]
    assert len(frame) == 1


@pytest.mark.parametrize("form", ["TabSeparated", "JSON", "CSVWithNames", "JSONEachRow", "Native", "Parquet"])
def test_the_form_is_the_one_asked_for(collector: Collector, form: str) -> None:
    """In the statement or beside it, and told in the answer."""
    plain = {"output_format_write_statistics": "0"}
    inside = ask(collector, f"SELECT 1 AS one FORMAT {form}", **plain)
    beside = ask(collector, "SELECT 1 AS one", default_format=form, **plain)
    assert inside.content == beside.content
    assert inside.headers["x-clickhouse-format"] == beside.headers["x-clickhouse-format"] == form


def test_a_get_with_parameters_and_compression(collector: Collector) -> None:
    """As Grafana's data source and curl send it."""
    parameters = {"query": "SELECT toString(number) || {x:String} FROM numbers(1000)", "param_x": "!"}
    answer = plain_http.get(
        collector.url("clickhouse"),
        params={**parameters, "enable_http_compression": "1", "query_id": "abc"},
        auth=("anyone", ADMIN),
    )
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text.splitlines()[-1] == "999!"
    assert answer.headers["x-clickhouse-query-id"] == "abc"
    packed = plain_http.post(
        collector.url("clickhouse"),
        content=gzip.compress(b"SELECT 7"),
        headers={"content-encoding": "gzip", "x-clickhouse-key": ADMIN},
    )
    assert packed.text == "7\n"


HOSTILE = [
    "INSERT INTO agent_runs SELECT * FROM agent_runs",
    "ALTER TABLE agent_runs DELETE WHERE 1",
    "DROP TABLE agent_runs",
    "CREATE TABLE x (a Int8) ENGINE = Memory",
    "TRUNCATE TABLE agent_runs",
    "OPTIMIZE TABLE agent_runs",
    "SET readonly = 0",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE 1",
    "USE system",
    "SELECT 1; DROP TABLE agent_runs",
    "SELECT 1 /* */ ; /* */ DROP TABLE agent_runs",
    "SELECT 1 PARALLEL WITH DROP TABLE agent_runs",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
    "SELECT * FROM FiLe('/etc/passwd', 'LineAsString')",
    "SELECT 1 IN file('/etc/passwd', 'LineAsString')",
    "SELECT 1 IN (SELECT 1 FROM url('http://127.0.0.1:1'))",
    "WITH x AS (SELECT * FROM url('http://127.0.0.1:1')) SELECT * FROM x",
    "SELECT * FROM remote('127.0.0.1:1', system.one)",
    "SELECT * FROM s3('http://127.0.0.1:1/x')",
    "SELECT * FROM executable('x', 'CSV', 'a String')",
    "SELECT * FROM python('x')",
    "SELECT * FROM merge('system', '.*')",
    "SELECT * FROM cluster('x', system.one)",
    "SELECT * FROM view(SELECT 1)",
    "DESCRIBE TABLE file('/etc/passwd')",
    "EXPLAIN SELECT * FROM file('/etc/passwd')",
    "EXPLAIN AST SELECT file('/etc/passwd')",
    "SELECT * FROM system.errors",
    "SELECT * FROM system.processes",
    "SELECT * FROM `system`.`processes`",
    "SELECT * FROM System.Processes",
    "SELECT 1 IN system.processes",
    "SELECT * FROM other.runs",
    "SELECT hasColumnInTable('127.0.0.1:1', 'a', 'b', 'c', 'd', 'e')",
    "SELECT dictGet('a', 'b', 1)",
    "SELECT joinGet('a', 'b', 1)",
    "SELECT sleep(3)",
    "SELECT sleepEachRow(3) FROM numbers(100)",
    "SELECT aiGenerate('x', 'y')",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT * FROM {name:Identifier}",
    "SHOW PROCESSLIST",
    "CHECK TABLE agent_runs",
    "BACKUP TABLE agent_runs TO Disk('a', 'b')",
    "GRANT SELECT ON *.* TO x",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_what_writes_or_reaches_out_is_refused(collector: Collector, statement: str) -> None:
    """Before it runs; nothing of it is repeated, and the next statement is answered as ever."""
    answer = ask(collector, statement, param_name="system.processes")
    assert answer.status_code in {400, 403}, answer.text
    assert answer.headers["x-clickhouse-exception-code"] in {"497", "62", "164", "36", "46"}
    assert not [word for word in ("passwd", "127.0.0.1", "agent_runs", "processes") if word in answer.text]
    assert ask(collector, "SELECT count() > 0 FROM agent_runs").text == "1\n"


@pytest.mark.parametrize(
    ("statement", "code", "told"),
    [
        ("SELEC 'CANARY'", "62", "cannot be parsed at position 7"),
        ("SELECT 'CANARY' CANARY CANARY", "62", "cannot be parsed at position"),
        ("SELECT canary FROM runs", "47", "a name of the statement does not exist"),
        ("SELECT 1 FROM canary", "60", "a table of the statement does not exist"),
        ("SELECT canary(1)", "46", "a function of the statement does not exist"),
        ("SELECT {canary:String}", "456", "a parameter of the statement is not set"),
        ("SELECT toUInt8('CANARY')", "6", "the engine refuses the statement"),
        ("SELECT throwIf(1, 'CANARY')", "395", "the engine refuses the statement"),
        ("", "36", "query: required"),
    ],
)
def test_what_is_wrong_is_told_in_words_of_ours(
    collector: Collector, statement: str, code: str, told: str
) -> None:
    """With ClickHouse's code and name; the text of the engine may hold values."""
    answer = ask(collector, statement)
    assert answer.headers["x-clickhouse-exception-code"] == code
    assert told in answer.text
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert "canary" not in (answer.text + collector.log()).lower()


def test_a_packed_statement_is_read(collector: Collector) -> None:
    """As requests of OTLP are."""
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "zstd": zstd.compress,
    }
    for coding, pack in packers.items():
        headers = {"X-ClickHouse-Key": ADMIN, "content-encoding": coding}
        url = collector.url("clickhouse")
        answer = plain_http.post(url, content=pack(b"SELECT 41 + 1"), headers=headers)
        assert answer.text == "42\n", coding


def test_a_client_learns_of_errors_as_from_a_server(client: Client) -> None:
    """Its exception has ClickHouse's code."""
    with pytest.raises(DatabaseError) as refused:
        client.command("DROP TABLE agent_runs")
    assert refused.value.code == 497


@pytest.mark.parametrize(
    ("token", "status", "code", "told"),
    [
        ("", 401, "516", "token"),
        ("nobody", 401, "516", "token"),
        ("acme-read", 403, "497", "it needs a token of the role admin"),
        ("acme-ingest", 403, "497", "admin"),
        ("acme-operator", 403, "497", "every tenant's rows"),
    ],
)
def test_free_sql_is_for_admins(collector: Collector, token: str, status: int, code: str, told: str) -> None:
    """A tenant asks the named queries of the API."""
    answer = ask(collector, "SELECT 1", token)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (status, code)
    assert told in answer.text


def test_settings_of_a_client_cannot_lift_a_limit(collector: Collector) -> None:
    """Those that are not listed are passed over, as for a user that may not change them."""
    value = "SELECT value FROM system.settings WHERE name = {name:String}"
    for name, sent in {"readonly": "0", "max_execution_time": "9999", "max_memory_usage": "1"}.items():
        answer = ask(collector, value, **{name: sent, "param_name": name})
        assert answer.text.strip() not in {sent, ""}, name
    kept = ask(collector, value, max_block_size="17", param_name="max_block_size")
    assert kept.text.strip() == "17"


def test_it_is_there(collector: Collector) -> None:
    """As clients and load balancers ask."""
    for path in ("/ping", "/replicas_status"):
        assert plain_http.get(collector.url("clickhouse", path)).text == "Ok.\n"


@pytest.mark.long
def test_a_slow_statement_does_not_delay_ingest(collector: Collector) -> None:
    """What is sent while it runs is acknowledged meanwhile."""
    acknowledged = 0
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, collector, "SELECT max(sipHash64(number)) FROM numbers(400000000)")
        while not slow.done():
            acknowledged += send(collector, [acknowledged], token="acme-ingest")
    assert slow.result().status_code == 200
    assert acknowledged > SPANS


@pytest.mark.parametrize("name", sampled(5, sorted(catalogue())))
def test_named_queries_run_here_too(collector: Collector, name: str) -> None:
    """An analyst can take them from the catalogue and change them."""
    query = catalogue()[name]
    values = {key: VALUES.get(kind.partition("(")[0], "") for key, kind in query.parameters.items()}
    answer = ask(collector, query.statement, **{f"param_{key}": value for key, value in values.items()})
    assert answer.status_code == 200, answer.text
