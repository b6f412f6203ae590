"""Reads YAML with `${env:NAME}` expressions into plain values with their line numbers.

Scalars stay text: the model converts them, and a text field keeps what was written (`0123` is not a number there).
Only an unquoted empty scalar, `null` and `~` are None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from agenttrace_collector.config.problems import ConfigError, Path, Position, Problem, shown

# Bounds on what a file may ask of its reader; aliases count as often as they stand.
MAX_DEPTH: Final = 32
MAX_NODES: Final = 50_000
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_EXPRESSION: Final = re.compile(
    r"\$\$|\$\{(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<other>\$\{)"
)
_TOO_DEEP: Final = f"must be at most {MAX_DEPTH} levels deep"
_TOO_MANY: Final = f"must hold at most {MAX_NODES} values, those that aliases repeat included"


@dataclass(slots=True)
class Document:
    """The values as written, their positions, and the problems found while reading."""

    values: dict[str, Any] = field(default_factory=dict)
    positions: dict[Path, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_document(text: str, source: str, environ: Mapping[str, str]) -> Document:
    """Parses a YAML text; `source` is the name shown in problems. Raises `ConfigError` if it is not YAML or too large."""
    try:
        node = _compose(text, source)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError([Problem(Position(source, line), "", "this is not YAML")]) from None
    except yaml.YAMLError:
        raise ConfigError([Problem(Position(source), "", "this is not YAML")]) from None
    reader = _DocumentReader(source, environ)
    values = reader.read(node, ()) if node is not None else None
    if isinstance(values, dict):
        reader.document.values = values
    elif values is not None:
        reader.complain(node, (), "must be a mapping of sections")
    return reader.document


def _compose(text: str, source: str) -> yaml.Node | None:
    loader = _Loader(text, source)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Composes nodes no deeper than `MAX_DEPTH`: deeper ones would end the process, since composing is recursive."""

    def __init__(self, text: str, source: str) -> None:
        super().__init__(text)
        self._source = source
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Composes the next node and those in it; raises `ConfigError` before one that lies too deep."""
        is_collection = self.check_event(yaml.CollectionStartEvent)
        if is_collection and self._depth == MAX_DEPTH:
            start = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it out
            where = Position(self._source, start.line + 1 if start else None)
            raise ConfigError([Problem(where, "", _TOO_DEEP)])
        self._depth += is_collection
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= is_collection


def merge(base: Document, later: Document) -> None:
    """Merges `later` into `base`: mappings key by key; any other value replaces the earlier one."""
    _merge_values(base.values, later.values)
    base.positions.update(later.positions)
    base.problems.extend(later.problems)


def _merge_values(base: dict[str, Any], later: Mapping[str, Any]) -> None:
    for key, value in later.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge_values(base[key], value)
        elif value is not None or not isinstance(base.get(key), dict):
            base[key] = value


class _DocumentReader:
    """Converts the nodes of one source to values, and collects positions and problems."""

    def __init__(self, source: str, environ: Mapping[str, str]) -> None:
        self.document = Document()
        self._source = source
        self._environ = environ
        self._nodes = 0

    def complain(self, node: yaml.Node | None, path: Path, message: str) -> None:
        self.document.problems.append(Problem(self._position(node), shown(path), message))

    def read(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            # An alias may hold itself, or others that hold others: few lines, more than any memory.
            message = _TOO_MANY if self._nodes > MAX_NODES else _TOO_DEEP
            raise ConfigError([Problem(self._position(node), "", message)])
        self.document.positions[path] = self._position(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.complain(key_node, path, "a key must be a word")
                continue
            key = key_node.value
            if key in values:
                self.complain(key_node, (*path, key), "this key occurs twice")
            values[key] = self.read(value_node, (*path, key))
            self.document.positions[*path, key] = self._position(key_node)
        return values

    def _scalar(self, node: yaml.Node, path: Path) -> str | None:
        text = _EXPRESSION.sub(lambda match: self._expanded(match, node, path), node.value)
        return None if getattr(node, "style", None) is None and text in _NULLS else text

    def _expanded(self, match: re.Match[str], node: yaml.Node, path: Path) -> str:
        if match[0] == "$$":
            return "$"
        if match["other"]:
            self.complain(node, path, "must be ${env:NAME} or ${env:NAME:-default}; $$ stands for $")
            return ""
        name, default = match["name"], match["default"]
        found = self._environ.get(name)
        if found is None and default is None:
            # An unset token or password must not silently become an empty one.
            self.complain(
                node, path, f"the environment variable {name} is not set; ${{env:{name}:-}} allows that"
            )
        return (found or default or "") if default is not None else (found or "")

    def _position(self, node: yaml.Node | None) -> Position:
        return Position(self._source, node.start_mark.line + 1 if node else None)
