"""One database behind two transports: embedded, and over HTTP as a server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from agenttrace_collector.clickhouse.client import PASSING, POISONED, ClickHouse, QueryRejected
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.errors import Unavailable
from agenttrace_schemas.rows import DecisionRow, columns
from agenttrace_schemas.rules import Policy
from tests.support.clickhouse_server import Server, clickhouse_server
from tests.support.database import engine
from tests.support.storage import decision

TABLE = DecisionRow.TABLE
NAMES = list(columns(DecisionRow))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose database has the schema."""
    with clickhouse_server() as running:
        yield running


@pytest.fixture(scope="module", params=["embedded", "server"])
def database(request: pytest.FixtureRequest, server: Server) -> Iterator[ClickHouse]:
    """The database over each transport."""
    name = f"test_{request.param}"
    Migrator(ClickHouse(engine(), name), Policy()).up()
    opened = ClickHouse(engine() if request.param == "embedded" else server.endpoint, name)
    Migrator(opened, Policy()).verify()
    yield opened
    opened.close()


@pytest.fixture
def troubled(server: Server) -> Iterator[ClickHouse]:
    """A connection that was made before the trouble that a test makes."""
    opened = ClickHouse(server.endpoint, "default")
    opened.query("SELECT 1")
    yield opened
    server.trouble = None
    opened.close()


def count(database: ClickHouse, number: int) -> int:
    """The rows that a test inserted."""
    statement = f"SELECT count() FROM {TABLE} WHERE span_id = {number}"  # noqa: S608
    return int(database.query(statement)[0][0])


def test_a_block_is_stored_once_per_token(database: ClickHouse) -> None:
    """The same block under the same token is one block; under another it is two."""
    for token in ("once", "once"):
        database.insert(TABLE, NAMES, decision(1), token=token)
    assert count(database, 1) == 1


def test_a_refused_block_stores_nothing(database: ClickHouse) -> None:
    """All rows or none; the error has the code and the rule, and not the value."""
    with pytest.raises(QueryRejected) as refused:
        database.insert(TABLE, NAMES, decision(2) + decision(2, selected="CANARY said so"), token="bad")
    assert (refused.value.code, refused.value.rule) == (395, "label.pattern")
    assert "CANARY" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert count(database, 2) == 0


def test_a_connection_that_saw_an_error_is_replaced(database: ClickHouse) -> None:
    """What comes after an error is not touched by it."""
    with pytest.raises(QueryRejected):
        database.query("SELECT throwIf(1, 'x')")
    database.insert(TABLE, NAMES, decision(3), token="after")
    assert count(database, 3) == 1


def test_a_table_that_is_missing_keeps_rows_waiting(database: ClickHouse) -> None:
    """It says nothing about the rows: the same block goes in when the table is there."""
    with pytest.raises(Unavailable):
        database.insert("not_there", NAMES, decision(4), token="missing")
    with pytest.raises(QueryRejected) as refused:
        database.query("SELECT * FROM not_there")
    assert refused.value.code == 60


def test_threads_have_connections_of_their_own(database: ClickHouse) -> None:
    """Writers and readers do not wait for each other, and none sees another's errors."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            database.insert(TABLE, NAMES, decision(number), token=f"thread {number}")
            assert count(database, number) == 1
        except (AssertionError, QueryRejected, Unavailable) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(100 + number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_parameters_are_bound_by_the_engine(database: ClickHouse) -> None:
    """A value cannot become a part of the statement."""
    hostile = "'; DROP TABLE agent_decisions --"
    assert database.query("SELECT {name:String}", {"name": hostile}) == [(hostile,)]


def test_inserts_over_http_are_synchronous_and_have_a_token(server: Server) -> None:
    """An asynchronous insert would answer before the rows are checked."""
    database = ClickHouse(server.endpoint, "test_sent")
    database.create_database()
    database.command(f"CREATE TABLE {TABLE} (span_id UInt64) ENGINE = MergeTree ORDER BY ()")
    database.insert(TABLE, ["span_id"], bytes(8), token="sent")
    asked = [each for each in server.asked if each.get("insert_deduplication_token") == "sent"]
    assert [each["async_insert"] for each in asked] == ["0"]
    database.close()


@pytest.mark.parametrize("code", [252, 241, 202, 209, 243, 60, 497, 999])
def test_trouble_of_the_database_keeps_rows_waiting(troubled: ClickHouse, server: Server, code: int) -> None:
    """Too many parts, memory, load, disk, rights: the same rows may go in later."""
    server.trouble = (500, code, f"Code: {code}. DB::Exception: CANARY. (SOME_ERROR)")
    with pytest.raises(Unavailable) as unavailable:
        troubled.insert(TABLE, NAMES, decision(6), token="later")
    assert "CANARY" not in str(unavailable.value)


@pytest.mark.parametrize("code", [27, 33, 395, 469, 691])
def test_trouble_with_the_rows_is_refused_for_good(troubled: ClickHouse, server: Server, code: int) -> None:
    """Delivery takes the block apart."""
    server.trouble = (500, code, f"Code: {code}. DB::Exception: CANARY. (SOME_ERROR)")
    with pytest.raises(QueryRejected) as refused:
        troubled.insert(TABLE, NAMES, decision(7), token="never")
    assert refused.value.code == code
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_a_code_is_trouble_that_passes(
    troubled: ClickHouse, server: Server, status: int
) -> None:
    """Nothing is known of the rows."""
    server.trouble = (status, 0, "CANARY")
    with pytest.raises(Unavailable) as unavailable:
        troubled.insert(TABLE, NAMES, decision(8), token="proxy")
    assert "CANARY" not in str(unavailable.value)


def test_a_server_that_is_away_is_unavailable() -> None:
    """The endpoint's password is not in the message."""
    database = ClickHouse("http://user:hunter2@127.0.0.1:1", "default")
    with pytest.raises(Unavailable) as unavailable:
        database.query("SELECT 1")
    assert "hunter2" not in str(unavailable.value)


def test_no_code_is_both_for_good_and_passing() -> None:
    """A row is never refused for what may pass."""
    assert not POISONED & PASSING
