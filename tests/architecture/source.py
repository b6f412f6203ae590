"""The modules of the three packages as syntax trees, for tests that read the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = {
    "agenttrace": ROOT / "instrumentation" / "agenttrace",
    "agenttrace_schemas": ROOT / "schemas" / "agenttrace_schemas",
    "agenttrace_collector": ROOT / "collector" / "agenttrace_collector",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One module of ours: where it is and what it says."""

    package: str
    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        """The source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, str(self))

    @property
    def name(self) -> str:
        """The dotted name by which it is imported."""
        parts = self.path.relative_to(PACKAGES[self.package].parent).with_suffix("").parts
        return ".".join(parts).removesuffix(".__init__")

    def imported(self) -> Iterator[tuple[str, str]]:
        """Everything imported, wherever the import stands: a module and a name in it, empty for the module itself."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from ((node.module, alias.name) for alias in node.names)

    def imports(self) -> Iterator[str]:
        """The first name of everything imported."""
        return (module.partition(".")[0] for module, _ in self.imported())

    def functions(self) -> Iterator[Function]:
        """Every function and method."""
        return (
            node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )

    def strings(self) -> Iterator[ast.Constant]:
        """Every string literal that is no docstring."""
        docstrings = {id(docstring) for docstring in self._docstrings()}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield node

    def _docstrings(self) -> Iterator[ast.expr]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                yield node.value


# Parsed once for all tests of a process.
_module = cache(Module)


def modules(*packages: str) -> list[Module]:
    """The modules of these packages, of all three by default."""
    return [
        _module(package, path)
        for package in packages or PACKAGES
        for path in sorted(PACKAGES[package].rglob("*.py"))
    ]


def modules_of_tests() -> list[Module]:
    """The modules under tests/."""
    return [_module("tests", path) for path in sorted((ROOT / "tests").rglob("*.py"))]


def documents() -> list[Path]:
    """Every page that people read, wherever it stands."""
    folders = (".github", "deploy", "instrumentation", "schemas", "collector", "tests")
    return [*ROOT.glob("*.md"), *(page for folder in folders for page in (ROOT / folder).rglob("*.md"))]
