"""Which statements are answered: the engine parses them, and every node of what it found is looked at.

The text that is run is the one that the engine prints from its own parse, so that a comment, a quote or a second
statement cannot make it another than the one that was looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from agenttrace_collector.clickhouse import ClickHouse
from agenttrace_collector.clickhouse_http.problems import denied

_KINDS: Final = frozenset(
    {
        "SelectWithUnionQuery",
        "SelectIntersectExceptQuery",
        "ShowTables",
        "ShowColumns",
        "ShowFunctions",
        "ShowIndexes",
        "ShowCreateTableQuery",
        "ShowCreateViewQuery",
        "DescribeQuery",
        "ExistsTableQuery",
        "ExistsViewQuery",
        "ExistsDatabaseQuery",
        "Explain",
    }
)
_PARTS: Final = _KINDS | {"SelectQuery", "TablesInSelectQuery"}
# Tables of `system` that describe the engine and the schema. Others hold texts of queries, paths or users.
SYSTEM_TABLES: Final = frozenset(
    {
        "aggregate_function_combinators",
        "build_options",
        "clusters",
        "collations",
        "columns",
        "contributors",
        "data_skipping_indices",
        "data_type_families",
        "databases",
        "formats",
        "functions",
        "keywords",
        "licenses",
        "macros",
        "merge_tree_settings",
        "metrics",
        "numbers",
        "numbers_mt",
        "one",
        "parts",
        "parts_columns",
        "settings",
        "table_engines",
        "table_functions",
        "tables",
        "time_zones",
        "zeros",
        "zeros_mt",
    }
)
TABLE_FUNCTIONS: Final = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "values", "generateseries", "generate_series"}
)
_DATABASES: Final = frozenset({"default", "system", "information_schema"})
# Functions that reach out of the engine, run other text, wait or write, by the beginnings of their names.
_REACHING: Final = re.compile(
    r"ai|dict|joinget|sleep|file|url$|http|executable|eval|python|remote|cluster|hascolumnintable|addressto|demangle"
    r"|naivebayes|getserver|getclienthttp|currentrequest|showcertificate|logtrace|catboost|pg|pg_|serveruuid"
    r"|mergetree|merge$|view|input$|loop$|dictionary|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|s3|gcs|oss|hdfs"
    r"|azure|iceberg|deltalake|hudi|paimon|ytsaurus|bigquery|prometheus|timeseries|generaterandom|primes|arrowstream"
)
_READ_ONLY: Final = (
    "allowed are SELECT, SHOW, DESCRIBE, EXISTS and EXPLAIN: the database is read here, not changed"
)
_VALUES_ONLY: Final = (
    "allowed are parameters that are values; the names of tables and columns stand in the statement"
)
_NO_SETTINGS: Final = "settings stand beside the statement, as parameters of the request"
_NO_FILE: Final = "an answer goes to who asks, not INTO OUTFILE"
_NOT_THAT_TABLE: Final = "of the system tables those are allowed that describe the engine and the schema"
_NOT_THAT_DATABASE: Final = "of the databases the collector's own is allowed"
_NOT_THAT_TABLE_FUNCTION: Final = f"of the table functions allowed are {', '.join(sorted(TABLE_FUNCTIONS))}"
_NOT_THAT_FUNCTION: Final = (
    "a function of the statement reaches out of the database, waits or runs other text"
)
_NODE: Final = re.compile(r"^( *)(\w+)(?: +(\S+))?")
_FORMAT: Final = re.compile(r" FORMAT (\w+)$")
_IDENTIFIER_PARAMETER: Final = re.compile(r"\{\s*\w+\s*:\s*Identifier\s*\}")


def checked(engine: ClickHouse, text: str, bound: Mapping[str, Any], database: str) -> str:
    """The statement as it may be run; raises `SqlRefused`, or what the engine finds wrong with it.

    `bound`: its parameters as `param_…` settings. `database`: the one that holds our tables.
    """
    ((canonical,),) = engine.query("SELECT formatQuerySingleLine({text:String})", {"text": text})
    if _IDENTIFIER_PARAMETER.search(canonical):
        raise denied(_VALUES_ONLY)
    tree = engine.raw(f"EXPLAIN AST {canonical}", bound, "TSVRaw").decode("utf-8", "replace")
    nodes = list(_nodes(tree))
    if not nodes or nodes[0].kind not in _KINDS:
        raise denied(_READ_ONLY)
    known = _DATABASES | {database.lower()}
    for node in nodes:
        if denial := next(filter(None, (look(node, known) for look in _LOOKS)), ""):
            raise denied(denial)
    return str(canonical)


def form_of(canonical: str) -> str:
    """The format that a checked statement asks for, empty for none."""
    found = _FORMAT.search(canonical)
    return found[1] if found else ""


class _Node(NamedTuple):
    """A node of the engine's tree; `parent` is the kind of the one above."""

    depth: int
    kind: str
    name: str
    parent: str


def _nodes(tree: str) -> Iterator[_Node]:
    above: dict[int, str] = {}
    for line in tree.splitlines():
        if found := _NODE.match(line):
            depth, kind, name = len(found[1]), found[2], found[3] or ""
            above[depth] = kind
            yield _Node(depth, kind, name.lower(), above.get(depth - 1, ""))


def _look_at_kind(node: _Node, _: frozenset[str]) -> str:
    if node.kind.endswith("Query") and node.kind not in _PARTS:
        return _READ_ONLY
    if node.kind == "Set":
        return _NO_SETTINGS
    return _NO_FILE if node.depth == 1 and node.kind == "Literal" else ""


def _look_at_table(node: _Node, databases: frozenset[str]) -> str:
    """A name after IN is an identifier like a column's, so that both kinds are looked at."""
    if node.kind not in {"TableIdentifier", "Identifier"}:
        return ""
    database, _, table = node.name.rpartition(".")
    if database == "system" and table not in SYSTEM_TABLES:
        return _NOT_THAT_TABLE
    is_foreign = node.kind == "TableIdentifier" and database and database not in databases
    return _NOT_THAT_DATABASE if is_foreign else ""


def _look_at_function(node: _Node, _: frozenset[str]) -> str:
    if node.kind != "Function" or node.name in TABLE_FUNCTIONS:
        return ""
    if node.parent == "TableExpression":
        return _NOT_THAT_TABLE_FUNCTION
    return _NOT_THAT_FUNCTION if _REACHING.match(node.name) else ""


_LOOKS: Final = (_look_at_kind, _look_at_table, _look_at_function)
