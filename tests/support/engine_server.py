"""An engine of a version and a configuration of its own behind HTTP, as far as the driver speaks to a server.

`python -P tests/support/engine_server.py DIRECTORY [CONFIG]`, any Python that has a `chdb`; it prints its port and
ends with its standard input. Statements may be rewritten first (`--one-node`): what needs Keeper is replaced.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

# What belongs to the transport, and is no setting of a statement.
_NOT_SETTINGS = {
    "database",
    "query",
    "query_id",
    "session_id",
    "compress",
    "decompress",
    "buffer_size",
    "wait_end_of_query",
    "client_protocol_version",
    "enable_http_compression",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
}
_CODE = re.compile(r"Code: (\d+)")
_INSERT = re.compile(r"\s*INSERT INTO (?P<into>.*?)\s+FORMAT (?P<form>\w+)\s*$", re.DOTALL)
_SHARD = "cityHash64(ifNull(run_id, toUUID('00000000-0000-0000-0000-000000000000'))) % 2"
# The one substitution by which the statements of a cluster run in one engine. Both shards of its configuration
# are this engine; each partition belongs to one of them, so that a token is one shard's, as on two machines.
_ONE_NODE = (
    (re.compile(r"\s+ON CLUSTER '\{cluster\}'"), ""),
    (re.compile(r"\bReplicated(\w*MergeTree)"), r"\1"),
    (re.compile(r"(?<!_)\breplicated_deduplication_window"), "non_replicated_deduplication_window"),
)
_LOCAL = re.compile(r"\s*CREATE TABLE IF NOT EXISTS \w+_local\b")
# An embedded engine before chdb 4 never comes to what it drops, and who waits for it (SYNC) waits for ever.
_WAITS_FOR_DROP = re.compile(r"(\s*DROP (?:TABLE|VIEW) .*?)\s+SYNC\s*", re.DOTALL)
_PARTITION = re.compile(r"PARTITION BY (to\w+\(\w+\))")


def one_node(statement: str) -> str:
    """The statement without what needs Keeper or a second machine."""
    is_local = _LOCAL.match(statement) and " run_id " in statement
    for pattern, replacement in _ONE_NODE:
        statement = pattern.sub(replacement, statement)
    return _PARTITION.sub(rf"PARTITION BY (\1, {_SHARD})", statement) if is_local else statement


def quoted(text: str) -> str:
    """A string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Engine:
    """One connection; a statement at a time."""

    def __init__(self, directory: str, config: str, *, is_cluster: bool) -> None:
        # Of the Python that runs this file.
        chdb: Any = importlib.import_module("chdb")
        session: Any = importlib.import_module("chdb.session")
        if hasattr(chdb, "connect"):
            self._connection = chdb.connect(f"{directory}?config-file={config}" if config else directory)
        else:
            self._connection = session.Session(directory)
        self._is_cluster = is_cluster
        self._can_wait_for_drop = int(str(chdb.__version__).partition(".")[0]) >= 4
        self._lock = threading.Lock()

    def run(self, parameters: dict[str, str], body: bytes) -> bytes:
        """Run a request of the HTTP interface; raises `RuntimeError` with the engine's text."""
        settings = {key: value for key, value in parameters.items() if key not in _NOT_SETTINGS}
        statement, data = parameters.get("query", ""), body
        if not statement:
            head, _, data = body.partition(b"\n") if body.startswith(b"INSERT") else (body, b"", b"")
            statement = head.decode()
        if self._is_cluster:
            statement = one_node(statement)
        if not self._can_wait_for_drop and (dropping := _WAITS_FOR_DROP.fullmatch(statement)):
            statement = dropping[1]
        with self._lock, tempfile.NamedTemporaryFile() as rows:
            if data and (found := _INSERT.match(statement)):
                rows.write(data)
                rows.flush()
                statement = (
                    f"INSERT INTO {found['into']} FROM INFILE {quoted(rows.name)} FORMAT {found['form']}"
                )
            self._ask(f"USE {parameters.get('database') or 'default'}")
            for key, value in settings.items():
                self._ask(f"SET {key} = {quoted(value)}")
            try:
                return self._ask(statement)
            finally:
                for key in settings:
                    if not key.startswith("param_"):
                        self._ask(f"SET {key} = DEFAULT")

    def _ask(self, statement: str) -> bytes:
        answer = self._connection.query(statement, "TabSeparated")
        return bytes(answer.bytes()) if hasattr(answer, "bytes") else b""


class Handler(BaseHTTPRequestHandler):
    """Answers statements; a failure has the engine's code."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    engine: Engine

    def do_POST(self) -> None:
        """Run a statement."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        try:
            self._answer(200, self.engine.run(parameters, body))
        except Exception as error:  # noqa: BLE001 - chdb raises RuntimeError and its own, by version
            found = _CODE.search(str(error))
            self._answer(500, str(error).encode(), found[1] if found else "0")

    def _answer(self, status: int, body: bytes, code: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def main(directory: str, config: str = "", rewriting: str = "") -> None:
    """Serve until the standard input ends."""
    # An engine of 25.5 waits for rows of an insert on the standard input, too.
    parent = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    engine = Engine(directory, config, is_cluster=rewriting == "--one-node")
    listener = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"engine": engine}))
    listener.daemon_threads = True
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    print(listener.server_address[1], flush=True)
    os.read(parent, 1)
    # The engine takes its time to end, and nobody reads its files again.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
