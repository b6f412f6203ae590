"""Who may import whom in the collector: rooms stand on floors, and nothing goes in a circle."""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import cache
from graphlib import TopologicalSorter
from typing import Final

from tests.architecture.floors import FLOOR
from tests.architecture.source import Module, modules

COLLECTOR: Final = "agenttrace_collector"


@cache
def imports() -> dict[str, set[str]]:
    """The collector's modules by their dotted names, each with those that it imports, inside functions too."""
    known = {module.name: module for module in modules(COLLECTOR)}
    return {name: set(_known_imports(module, known)) for name, module in known.items()}


def _known_imports(module: Module, known: Container[str]) -> Iterator[str]:
    for source, name in module.imported():
        inner = f"{source}.{name}"
        if source in known:
            yield inner if inner in known else source


def room(module: str) -> str:
    """The first part of a name below the package."""
    return module.split(".")[1] if "." in module else ""


def test_every_module_has_a_floor() -> None:
    """No module stands loose beside the rooms."""
    assert {room(module) for module in imports()} - {""} == set(FLOOR)


def test_imports_go_down() -> None:
    """A package imports only packages further down in the list."""
    upwards = [
        f"{module} imports {imported}"
        for module, targets in imports().items()
        for imported in targets
        if room(module) != room(imported) and FLOOR[room(module)] >= FLOOR[room(imported)]
    ]
    assert upwards == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    """No circles, not even where an import stands inside a function."""
    TopologicalSorter(imports()).prepare()
