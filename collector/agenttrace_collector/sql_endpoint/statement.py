"""Validates statements: the engine parses them, and each node of its syntax tree is checked.

The engine runs the text that it prints from its own syntax tree, so that comments, quotes or a second statement cannot
make it differ from the statement that was checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.sql_endpoint.functions import is_allowed
from agenttrace_collector.sql_endpoint.problems import denied, no_function
from agenttrace_collector.sql_endpoint.settings import check_settings

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
_READ_ONLY: Final = (
    "the statement must be SELECT, SHOW, DESCRIBE, EXISTS or EXPLAIN: the database is read here, not changed"
)
_VALUES_ONLY: Final = "parameters must be values; the names of tables and columns stand in the statement"
_NO_FILE: Final = "an answer goes to who asks, not INTO OUTFILE"
_NOT_THAT_TABLE: Final = "of the system tables those are allowed that describe the engine and the schema"
_NOT_THAT_DATABASE: Final = "of the databases the collector's own is allowed"
_NOT_THAT_TABLE_FUNCTION: Final = f"the table function must be one of {', '.join(sorted(TABLE_FUNCTIONS))}"
_NOT_THAT_FUNCTION: Final = (
    "a function of the statement is not on the list of those that stay within the database"
)
_NOT_THAT_APPLY: Final = "APPLY takes the name of a function that is on the list"
_ALIAS: Final = re.compile(r"\(alias (\w+)\)")
_KNOWN: Final = (
    "SELECT count() FROM system.functions WHERE lower(name) = {name:String}",
    "SELECT count() FROM system.table_functions WHERE lower(name) = {name:String}",
)
_NODE: Final = re.compile(r"^( *)(\w+)(?: +(\S+))?")
# The engine quotes the format Null, whose name is a word of its own.
_FORMAT: Final = re.compile(r" FORMAT `?(\w+)`?(?: SETTINGS .*)?$")
_APPLY: Final = re.compile(r"\bAPPLY (\w+)")
_USE: Final = re.compile(r"\s*USE\s+[`\"]?(\w+)[`\"]?\s*;?\s*", re.IGNORECASE)
_IDENTIFIER_PARAMETER: Final = re.compile(r"\{\s*\w+\s*:\s*Identifier\s*\}")


def validate_statement(
    engine: ClickHouse, text: str, bound: Mapping[str, Any], database: str, *, largest: Mapping[str, int]
) -> str:
    """Returns the canonical statement; raises `SqlRefused`, or the engine's own error.

    `bound`: its parameters as `param_…` settings. `database`: the one with our tables. `largest`: the maximum of each
    bounded setting.
    """
    ((canonical,),) = engine.query("SELECT formatQuerySingleLine({text:String})", {"text": text})
    if _IDENTIFIER_PARAMETER.search(canonical):
        raise denied(_VALUES_ONLY)
    tree = engine.raw(f"EXPLAIN AST {canonical}", bound, "TSVRaw").decode("utf-8", "replace")
    nodes = list(_nodes(tree))
    if not nodes or nodes[0].kind not in _KINDS:
        raise denied(_READ_ONLY)
    check_settings(canonical, sum(node.kind == "Set" for node in nodes), largest)
    _check_applied(canonical, sum(node.kind == "ColumnsApplyTransformer" for node in nodes))
    known = _DATABASES | {database.lower()}
    for node in nodes:
        if denial := next(filter(None, (check(node, known) for check in _CHECKS)), ""):
            raise denied(denial)
    _check_functions(engine, nodes)
    return str(canonical)


def _check_functions(engine: ClickHouse, nodes: Iterable[_Node]) -> None:
    """Raise `SqlRefused` for a function that is not on the list, and is no lambda that the statement names itself."""
    called = [node for node in nodes if node.kind == "Function" and node.parent != "TableExpression"]
    own = {node.alias for node in called if node.name == "lambda"}
    for node in called:
        if node.name in TABLE_FUNCTIONS or is_allowed(node.name):
            continue
        # One that the engine has is refused, by whatever else its name stands for.
        if any(engine.query(query, {"name": node.name})[0][0] for query in _KNOWN):
            raise denied(_NOT_THAT_FUNCTION)
        if node.name not in own:
            raise no_function()


def _check_applied(canonical: str, transformers: int) -> None:
    """The tree does not name the functions that `* APPLY f` applies; the text does."""
    names = [found[1] for found in _APPLY.finditer(canonical)]
    if transformers and (len(names) < transformers or not all(map(is_allowed, names))):
        raise denied(_NOT_THAT_APPLY)


def uses(text: str, database: str) -> bool:
    """True for `USE` of the current database; raises `SqlRefused` for another database."""
    found = _USE.fullmatch(text)
    if found and found[1].lower() not in {database.lower(), "default"}:
        raise denied(_NOT_THAT_DATABASE)
    return found is not None


def form_of(canonical: str) -> str:
    """Returns the FORMAT of a validated statement, empty if it has none."""
    found = _FORMAT.search(canonical)
    return found[1] if found else ""


class _Node(NamedTuple):
    """A node of the engine's tree; `parent` is the kind of the one above. Names are in lower case."""

    depth: int
    kind: str
    name: str
    parent: str
    alias: str


def _nodes(tree: str) -> Iterator[_Node]:
    above: dict[int, str] = {}
    for line in tree.splitlines():
        if found := _NODE.match(line):
            depth, kind, name = len(found[1]), found[2], found[3] or ""
            above[depth] = kind
            alias = _ALIAS.search(line)
            parent = above.get(depth - 1, "")
            yield _Node(depth, kind, name.lower(), parent, alias[1].lower() if alias else "")


def _check_kind(node: _Node, _: frozenset[str]) -> str:
    if node.kind.endswith("Query") and node.kind not in _PARTS:
        return _READ_ONLY
    return _NO_FILE if node.depth == 1 and node.kind == "Literal" else ""


def _check_table(node: _Node, databases: frozenset[str]) -> str:
    """A name after IN is an identifier like a column's, so that both kinds are looked at."""
    if node.kind not in {"TableIdentifier", "Identifier"}:
        return ""
    database, _, table = node.name.rpartition(".")
    if database == "system" and table not in SYSTEM_TABLES:
        return _NOT_THAT_TABLE
    is_foreign = node.kind == "TableIdentifier" and database and database not in databases
    return _NOT_THAT_DATABASE if is_foreign else ""


def _check_table_function(node: _Node, _: frozenset[str]) -> str:
    is_one = node.kind == "Function" and node.parent == "TableExpression"
    return _NOT_THAT_TABLE_FUNCTION if is_one and node.name not in TABLE_FUNCTIONS else ""


_CHECKS: Final = (_check_kind, _check_table, _check_table_function)
