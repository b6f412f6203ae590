"""The code keeps its own rules: who imports whom, how long things are, where names on the wire stand."""

from __future__ import annotations

import ast
import re
import sys
from typing import Final

import pytest

from tests.architecture.source import PACKAGES, ROOT, Function, Module, modules, modules_of_tests

MODULE_LINES: Final = 300
FUNCTION_LINES: Final = 50
# Where code of others runs inside ours, or ours inside that of others; elsewhere what is caught has a name.
BORDERS: Final = (
    "instrumentation/agenttrace/guard.py",
    "instrumentation/agenttrace/flushing.py",
    "collector/agenttrace_collector/receivers/",
    "collector/agenttrace_collector/sql_endpoint/app.py",
    "collector/agenttrace_collector/api/refusals.py",
    "collector/agenttrace_collector/journal/writer.py",
    "collector/agenttrace_collector/delivery/table_worker.py",
    "collector/agenttrace_collector/settle/worker.py",
)
ATTRIBUTE_KEY: Final = re.compile(
    r"(agenttrace|gen_ai|openinference|traceloop|llm|retrieval|reranker|embedding|mcp)\.[a-z_]+(\.[a-z_]+)*\.?"
    r"|service\.(name|version)|deployment\.environment(\.name)?|error\.type|exception\.[a-z]+|session\.id"
)
# The examples speak as an application does, so they may say what the contract forbids.
KEY_HOMES: Final = (
    "schemas/agenttrace_schemas/foreign.py",
    "schemas/agenttrace_schemas/wire.py",
    "collector/agenttrace_collector/decode/conventions/",
    "instrumentation/agenttrace/examples/",
)
EVERY_MODULE: Final = modules()
EVERYWHERE = pytest.mark.parametrize("module", EVERY_MODULE, ids=str)
TESTS_TOO = pytest.mark.parametrize("module", [*EVERY_MODULE, *modules_of_tests()], ids=str)


@EVERYWHERE
def test_packages_meet_in_the_schemas_only(module: Module) -> None:
    """Agenttrace → agenttrace_schemas ← agenttrace_collector, and no other way."""
    allowed = {module.package, "agenttrace_schemas"}
    assert set(module.imports()) & PACKAGES.keys() <= allowed


@pytest.mark.parametrize("module", modules("agenttrace_schemas"), ids=str)
def test_schemas_need_the_standard_library_only(module: Module) -> None:
    """The contract can be used wherever Python is."""
    assert set(module.imports()) <= {"agenttrace_schemas"} | sys.stdlib_module_names


@pytest.mark.parametrize("module", modules("agenttrace"), ids=str)
def test_instrumentation_is_light(module: Module) -> None:
    """What an agent imports needs OpenTelemetry and nothing else; `testing` is for those who have pytest."""
    light = {"agenttrace", "agenttrace_schemas", "opentelemetry"} | sys.stdlib_module_names
    extra = {"pytest"} if module.path.name == "testing.py" else set()
    assert set(module.imports()) <= light | extra


@TESTS_TOO
def test_modules_open_with_a_sentence(module: Module) -> None:
    """The first line of every module says what it is for."""
    first = (ast.get_docstring(module.tree) or "").partition("\n\n")[0]
    assert re.search(r"[.:;]$", first), "a module opens with one sentence"


@TESTS_TOO
def test_modules_are_short(module: Module) -> None:
    """A module that grows past the budget is two."""
    assert len(module.text.splitlines()) < MODULE_LINES


@TESTS_TOO
def test_functions_are_short(module: Module) -> None:
    """No function is longer than a screen."""
    lengths = {function.name: length(function) for function in module.functions()}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def length(function: Function) -> int:
    """The lines of a function from `def` to its end."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


@EVERYWHERE
def test_attribute_keys_have_one_home(module: Module) -> None:
    """Names on the wire are constants of `wire.py` or rows of a convention's table."""
    if str(module).startswith(KEY_HOMES):
        return
    literals = [node.value for node in module.strings() if ATTRIBUTE_KEY.fullmatch(str(node.value))]
    assert literals == []


@EVERYWHERE
def test_catch_alls_stand_at_the_borders_only(module: Module) -> None:
    """Whoever catches everything raises it again, or is the host guard, a request handler, a worker loop."""
    handlers = [node for node in ast.walk(module.tree) if isinstance(node, ast.ExceptHandler)]
    swallowed = [handler.lineno for handler in handlers if catches_all(handler) and not raises_again(handler)]
    assert not swallowed or str(module).startswith(BORDERS)


def catches_all(handler: ast.ExceptHandler) -> bool:
    """Whether a handler takes whatever comes."""
    names = [node for node in ast.walk(handler.type or handler) if isinstance(node, ast.Name)]
    return handler.type is None or any(node.id in {"Exception", "BaseException"} for node in names)


def raises_again(handler: ast.ExceptHandler) -> bool:
    """Whether a handler ends by raising what it caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_top_level_holds_what_the_map_names() -> None:
    """Nothing else stands at the top of the repository."""
    named = {
        "instrumentation",
        "collector",
        "schemas",
        "deploy",
        "tests",
        "pyproject.toml",
        "README.md",
        "Makefile",
        "CHANGELOG.md",
        "LICENSE",
    }
    left_by_tools = {"build", "dist", "agenttrace-data", "agenttrace-journal"}
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert there - left_by_tools == named
