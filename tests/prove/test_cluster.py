"""The schema of a cluster, run on two shards: it takes, settles, answers and erases as a single database does.

One engine stands for both shards (`tests/support/engines.py` says how); there is no Keeper, so that replicas and
`ON CLUSTER` are left out by the substitution of `tests/support/engine_server.py`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.purge import Eraser
from agenttrace_collector.clickhouse.purge_subject import Subject, SubjectKind
from agenttrace_collector.clickhouse.requirements import SchemaMismatch
from agenttrace_collector.config import Config
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas.migrations import migrations
from agenttrace_schemas.retention import TIMES
from agenttrace_schemas.rows import ROWS, columns
from agenttrace_schemas.rules import Policy
from tests.support.corpus import RECORDED_AT, scenarios
from tests.support.engines import DATABASE, running_cluster
from tests.support.on_server import collecting, send
from tests.support.proof import FULL
from tests.support.receivers import wait_until
from tests.upgrade.asked import answers_of

pytestmark = pytest.mark.long
SCENARIOS = scenarios() if FULL else scenarios()[::25]
QUERIES = None if FULL else ("stats", "run_steps", "decisions_aggregate", "correlate_decisions_failures")
REQUESTS = 400
SPANS_IN_REQUEST = 500
# Each ALTER of a table costs the engine a while.
TTL = Config().exporters.clickhouse.ttl.model_dump() if FULL else {"span_links": 86_400.0}
LAST = 1 if FULL else migrations()[-2].version
AT_ONCE = Config(derive=Derive(quiet=0.001))


@dataclass
class Both:
    """The cluster and a single database of the same engine."""

    endpoint: str
    cluster: ClickHouse
    single: ClickHouse
    tokens: Iterator[int] = field(default_factory=itertools.count)

    def insert(self, token: str, table: str, data: bytes) -> None:
        """The same block into both."""
        names = next(list(columns(row)) for row in ROWS if table == row.TABLE)
        for database in (self.cluster, self.single):
            database.insert(table, names, data, token=token)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """With the corpus in both, settled."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as endpoint:
        both = Both(endpoint, ClickHouse(endpoint, DATABASE), ClickHouse(endpoint, "single"))
        Migrator(both.cluster, Policy(), TTL, profile="cluster").up()
        Migrator(both.single, Policy(), TTL).up()
        for scenario in SCENARIOS:
            context = Context(Policy(), "default", RECORDED_AT)
            decoded = [decode_traces(body, context) for body in scenario.bodies("traces")]
            decoded += [decode_logs(body, context) for body in scenario.bodies("logs")]
            for batch in decoded:
                for table, block in batch.blocks.items():
                    both.insert(f"{table}-{next(both.tokens)}", table, block.data)
        for database in (both.cluster, both.single):
            settle(database)
        yield both


def settle(database: ClickHouse) -> None:
    """Settle until nothing waits."""
    settler = Settler(SettlingStore(database), Policy(), AT_ONCE)
    while database.query("SELECT count() FROM unsettled_runs")[0][0]:
        settler.settle_waiting()


def rows(database: ClickHouse, table: str) -> int:
    """How many rows a table has, doubled ones too."""
    ((found,),) = database.query(f"SELECT count() FROM {table}")  # noqa: S608 - of ours
    return int(found)


def test_both_shards_hold_runs(both: Both) -> None:
    """What follows is asked of two; a run is on one of them."""
    shards = both.cluster.query("SELECT shardNum(), uniq(run_id) FROM agent_steps GROUP BY 1 ORDER BY 1")
    assert [shard for shard, _ in shards] == [1, 2]
    ((runs,),) = both.single.query("SELECT uniq(run_id) FROM agent_steps")
    assert sum(count for _, count in shards) == runs


def test_every_query_answers_as_a_single_database_does(both: Both) -> None:
    """Settled by the same code."""
    assert answers_of(both.cluster, QUERIES) == answers_of(both.single, QUERIES)


def test_a_block_that_is_sent_again_is_stored_once(both: Both) -> None:
    """Its token is one of each shard."""
    body = SCENARIOS[0].bodies("traces")[0]
    blocks = decode_traces(body, Context(Policy(), "again", RECORDED_AT)).blocks
    for _ in range(2):
        for table, block in blocks.items():
            both.insert(f"again-{table}", table, block.data)
    for table in blocks:
        assert rows(both.cluster, table) == rows(both.single, table)
    for database in (both.cluster, both.single):
        settle(database)


def test_an_agent_is_purged_from_both_shards(both: Both) -> None:
    """From every table, as many rows as of a single database; the other agents' rows stay."""
    ((agent,),) = both.single.query("SELECT agent_id FROM runs GROUP BY agent_id ORDER BY count() LIMIT 1")
    subject = Subject(SubjectKind.AGENT, agent, "default")
    erased = [Eraser(database).erase(subject) for database in (both.cluster, both.single)]
    # Marks of settling are made again by each round, and how many rounds there were is a matter of time.
    for each in erased:
        assert each.pop("run_marks")
    assert erased[0] == erased[1] != {}
    assert Eraser(both.cluster).count(subject) == {}
    for table in set(TIMES) - {"run_marks"}:
        assert rows(both.cluster, table) == rows(both.single, table), table


@pytest.mark.skipif(not FULL, reason="make prove NAME=cluster")
def test_two_hundred_thousand_spans(both: Both, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Taken and settled by the shipped collector, on the cluster and on a single database."""
    Migrator(both.cluster, Policy(), TTL).down()
    Migrator(both.cluster, Policy(), TTL, profile="cluster").up()
    Migrator(both.single, Policy(), TTL).down()
    Migrator(both.single, Policy(), TTL).up()
    moment = time.time_ns()
    for database in (both.cluster, both.single):
        directory = tmp_path_factory.mktemp(database.name)
        with collecting(directory, both.endpoint, database.name, derive__quiet="1s") as (collector, _):
            started = time.monotonic()
            sent = send(collector, range(REQUESTS), SPANS_IN_REQUEST, now=moment)
            wait_until_settled(database, sent)
            print(f"\n{database.name}: {sent} spans settled after {time.monotonic() - started:.0f} s")
    compared = {"agent_id": "support-agent", "version_a": "1.4.2", "version_b": "1.4.2"}
    found = [answers_of(database, **compared) for database in (both.cluster, both.single)]
    # Two collectors received them, each at its own time.
    for row in (row for answers in found for rows_of in answers.values() for row in rows_of):
        row.pop("created_at", None)
    assert found[0] == found[1]


def wait_until_settled(database: ClickHouse, steps: int) -> None:
    """Return when every step that was sent is one of a settled run."""
    asked = "SELECT countIf(settled) FROM steps"
    wait_until(lambda: bool(database.query(asked) == [(steps,)]), 1200.0)


def test_a_cluster_migrates_down_and_up(both: Both) -> None:
    """Columns of the local tables and of those over all shards; the first tables keep their rows."""
    migrator = Migrator(both.cluster, Policy(), TTL)
    before = rows(both.cluster, "agent_steps")
    later = [each.name for each in migrations() if each.version > LAST]
    assert migrator.down(to=LAST) == later[::-1]
    assert rows(both.cluster, "agent_steps") == before
    assert migrator.up().migrations == later
    migrator.verify()
    assert rows(both.cluster, "agent_steps") == before
    with pytest.raises(SchemaMismatch, match="made with --profile cluster"):
        Migrator(both.cluster, Policy(), TTL, profile="server").up()
