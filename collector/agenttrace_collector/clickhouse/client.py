"""ClickHouse through clickhouse-connect: the embedded engine and a server behind the same calls.

Errors leave as `Rejected` or `Unavailable` with a code and a name, never with the engine's text, which
may repeat a row's values.
"""

from __future__ import annotations

import base64
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, Final

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.compression import get_compressor
from clickhouse_connect.driver.exceptions import ClickHouseError, Error
from clickhouse_connect.driver.external import ExternalData

from agenttrace_collector.clickhouse.requirements import require_version
from agenttrace_collector.config.directories import (
    DATABASE_SETTING,
    EMBEDDED,
    data_directory,
    prepare_directory,
    refuse_followed_links,
)
from agenttrace_collector.config.dsn import Server, servers
from agenttrace_collector.config.problems import ConfigError, Position, Problem
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_schemas.expressions import quoted
from agenttrace_schemas.rules import RULES

_NOT_INSTALLED: Final = (
    'the embedded database is not installed: pip install "agenttrace-otel[embedded]", or name a server'
)
# An insert that fails so would fail again with the same rows: violated CHECKs, bytes that do not
# fit the columns. Everything else (a table missing, a setting unknown, a disk full) says nothing
# about the rows, which wait until it is mended.
POISONED: Final = frozenset({6, 26, 27, 33, 38, 41, 53, 72, 117, 131, 349, 395, 469, 691})
# A query that fails so may succeed later: timeouts, limits of memory and load, the network, the disk.
PASSING: Final = frozenset(
    {0, 159, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 279, 319, 394, 425, 999}
)
MEMORY_LIMIT: Final = 241
# An insert into a Distributed table is answered when its shards have the rows; elsewhere it says nothing.
_ON_SERVERS: Final = {"distributed_foreground_insert": 1}
# The longest statement beside the rows that it is about.
_STATEMENT_BYTES: Final = 1024 * 1024
_POSITION: Final = re.compile(r"Syntax error[^:]*: failed at position ([0-9]+)")
_RULE: Final = re.compile("|".join(re.escape(rule) for rule in RULES))


class QueryRejected(Rejected):
    """A statement that ClickHouse refuses for good: its code, and the rule where a CHECK refused it.

    `position`: where in the statement its syntax breaks, from 1; 0 where it does not.
    """

    def __init__(self, code: int, name: str, rule: str = "", position: int = 0) -> None:
        self.code = code
        self.name = name
        self.position = position
        self.rule = rule
        super().__init__(f"ClickHouse refused it: {name or 'error'} (code {code}{rule and f', rule {rule}'})")


class ServerUnavailable(Unavailable):
    """A statement that may succeed later: the code ClickHouse gave, 0 where it gave none."""

    def __init__(self, code: int, name: str = "") -> None:
        self.code = code
        self.name = name
        super().__init__(f"ClickHouse is not available (code {code})")


def _is_permanent(code: int) -> bool:
    return code not in PASSING


class ClickHouse:
    """One database; each thread that calls gets a connection of its own.

    Of several hosts the first that answers is used, and the next one after it has failed. Raises
    `ConfigError` for an embedded one whose engine is not installed; each call raises `EngineTooOld` on a
    server of a version that is not supported.
    """

    def __init__(self, endpoint: str, database: str = "agenttrace") -> None:
        if endpoint.startswith(EMBEDDED) and find_spec("chdb") is None:
            raise ConfigError([Problem(Position("configuration"), DATABASE_SETTING, _NOT_INSTALLED)])
        self._endpoint = endpoint
        self._database = database
        self._servers = deque(() if self.embedded else servers(endpoint))
        self._local = threading.local()
        self._clients: list[Client] = []
        self._lock = threading.Lock()

    @property
    def embedded(self) -> bool:
        """Whether the engine runs in this process."""
        return self._endpoint.startswith(EMBEDDED)

    @property
    def name(self) -> str:
        """Of the database."""
        return self._database

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Insert RowBinary, all rows or none, once per token."""
        settings = {"async_insert": 0, "insert_deduplication_token": token}
        with self._client(lambda code: code in POISONED) as client:
            packing = None if self.embedded else client.write_compression
            block = bytes(get_compressor(packing).compress_block(data)) if packing else data
            client.raw_insert(table, columns, block, settings, "RowBinary", packing)

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """The rows of a query; parameters are bound by the engine."""
        with self._client() as client:
            return client.query(statement, parameters=dict(parameters or {})).result_rows

    def read(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """The names of a query's columns, and its rows; parameters are bound by the engine."""
        with self._client() as client:
            result = client.query(statement, dict(parameters or {}), dict(settings or {}))
            return result.column_names, result.result_rows

    def row_binary(self, statement: str) -> bytes:
        """The rows of a query in RowBinary, all of them or an error."""
        # A server that fails half-way would write that into the rows, unless it waits for their end.
        return self.raw(statement, {} if self.embedded else {"wait_end_of_query": 1}, "RowBinary")

    def query_rows(self, statement: str, structure: str, rows: bytes) -> Sequence[Sequence[Any]]:
        """The rows of a query over RowBinary that is not stored, the table `waiting`, in its order; no log has it."""
        settings: dict[str, Any] = {"max_threads": 1, "log_queries": 0}
        with self._client() as client:
            if not self.embedded:
                # In the body beside the statement: what is part of it, servers log.
                external = ExternalData(file_name="waiting", fmt="RowBinary", structure=structure, data=rows)
                return client.query(statement, settings=settings, external_data=external).result_rows
            packed = base64.b64encode(rows).decode()
            table = f"SELECT * FROM format(RowBinary, {quoted(structure)}, base64Decode('{packed}'))"  # noqa: S608
            settings["max_query_size"] = len(packed) + _STATEMENT_BYTES
            return client.query(f"WITH waiting AS ({table}) {statement}", settings=settings).result_rows

    def command(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        with self._client() as client:
            client.command(statement)

    def raw(self, statement: str, settings: Mapping[str, Any], form: str | None = None) -> bytes:
        """The answer to a query as ClickHouse formats it, in a form of its own; parameters are `param_…` settings."""
        with self._client() as client:
            return bytes(client.raw_query(statement, settings=dict(settings), fmt=form))

    def mutate(self, statement: str, parameters: Mapping[str, Any]) -> None:
        """Change rows that are stored; returns when every replica has done so."""
        with self._client() as client:
            client.command(statement, dict(parameters), settings={"mutations_sync": 2})

    def create_database(self, on_cluster: str = "") -> None:
        """Make the database where it is missing; `on_cluster` is the clause that has every node make it."""
        with _translated(_is_permanent), self._connect("default", _is_permanent) as client:
            client.command(f"CREATE DATABASE IF NOT EXISTS `{self._database}` {on_cluster}")
            # The embedded engine ends with its last connection, and would load every table again for the next.
            self._current(_is_permanent)

    def close(self) -> None:
        """Close the connections of every thread."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()
        self._local = threading.local()

    @contextmanager
    def _client(self, permanent: Callable[[int], bool] = _is_permanent) -> Iterator[Client]:
        """This thread's connection; one that saw an error is not used again."""
        try:
            with _translated(permanent):
                yield self._current(permanent)
        except Rejected:
            self._discard()
            raise
        except Unavailable:
            self._avoid(getattr(self._local, "server", None))
            self._discard()
            raise

    def _current(self, permanent: Callable[[int], bool]) -> Client:
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._connect(self._database, permanent)
            with self._lock:
                self._clients.append(client)
        return client

    def _discard(self) -> None:
        client: Client | None = getattr(self._local, "client", None)
        if client is not None:
            self._local.client = None
            with self._lock:
                self._clients.remove(client)
            client.close()

    def _avoid(self, server: Server | None) -> None:
        """Try this host last from now on, unless another thread has said so already."""
        with self._lock:
            if server and self._servers[0] == server:
                self._servers.rotate(-1)

    def _connect(self, database: str, permanent: Callable[[int], bool]) -> Client:
        if self.embedded:
            directory = data_directory(self._endpoint)
            prepare_directory(directory, DATABASE_SETTING)
            refuse_followed_links(directory, self._database)
            return clickhouse_connect.get_client(interface="chdb", path=str(directory), database=database)
        with self._lock:
            candidates = list(self._servers)
        for server in candidates[:-1]:
            with suppress(Unavailable):
                return self._connected(server, database, permanent)
            self._avoid(server)
        return self._connected(candidates[-1], database, permanent)

    def _connected(self, server: Server, database: str, permanent: Callable[[int], bool]) -> Client:
        self._local.server = server
        # A session would serialise the queries of its connection.
        with _translated(permanent):
            client = clickhouse_connect.get_client(
                **server.arguments(), database=database, autogenerate_session_id=False, settings=_ON_SERVERS
            )
        require_version(client.server_version or "")
        return client


@contextmanager
def _translated(permanent: Callable[[int], bool]) -> Iterator[None]:
    """The driver's errors as ours; nothing of their text is kept but the code and a rule's id."""
    try:
        yield
    except Error as error:
        code = error.code or 0
        if permanent(code):
            rule, broken = _RULE.search(str(error)), _POSITION.search(str(error))
            position = int(broken[1]) if broken else 0
            raise QueryRejected(code, error.name or "", rule.group() if rule else "", position) from None
        raise ServerUnavailable(code, error.name or "") from None
    except (ClickHouseError, OSError) as error:
        message = f"ClickHouse is not available ({type(error).__name__})"
        raise Unavailable(message) from None
