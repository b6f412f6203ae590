"""Words that this project has left: no class or function has them as its name."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import Final

from tests.architecture.source import modules

# Left for the terms of OpenTelemetry, ClickHouse and HTTP; the CHANGELOG alone tells of them.
LEFT: Final = frozenset(
    "Answers Asker Questions NothingKept Later Lifetime Flow SwallowingDatabase Described Reading Ledger Tally Depth Lane"
    " Route Contents Maker Mark Round Refused Away Asked Form Whose Around About Listed Entered OtlpBlock"
    " reading reading_decisions asker taken turned_away see strike cross_out write_down widened checked told spread part"
    " place across tall end_with".split()
)
MODULES: Final = frozenset(
    "telling later asking described counted associated shown spread listed findings made shapes managed questions erasing"
    " eraser erasure entered foreign references".split()
)
Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def test_no_class_or_function_has_a_name_that_was_left() -> None:
    """Wherever it is defined."""
    found = [
        f"{module}: {node.name}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, Named) and node.name in LEFT
    ]
    assert found == []


def test_no_module_has_a_name_that_was_left() -> None:
    """Nor a package."""
    assert [str(module) for module in modules() if MODULES & set(module.path.with_suffix("").parts)] == []


def test_a_type_name_is_defined_once() -> None:
    """A class or an alias of one name in two modules would be two things of one name."""
    places = defaultdict(list)
    for module in modules():
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(module))
            elif isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation):
                places[ast.unparse(node.target)].append(str(module))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
