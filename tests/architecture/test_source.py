"""The code keeps its own rules: who imports whom, how long things are, where names on the wire stand."""

from __future__ import annotations

import ast
import re
import sys
from typing import Final

from tests.architecture.source import PACKAGES, ROOT, Function, modules, modules_of_tests

MODULE_LINES: Final = 300
FUNCTION_LINES: Final = 50
# Where code of others runs inside ours, or ours inside that of others; elsewhere what is caught has a name.
BORDERS: Final = (
    "instrumentation/agenttrace/guard.py",
    "instrumentation/agenttrace/decorators.py",
    "instrumentation/agenttrace/flushing.py",
    "collector/agenttrace_collector/receivers/",
    "collector/agenttrace_collector/sql_endpoint/app.py",
    "collector/agenttrace_collector/server/faults.py",
    "collector/agenttrace_collector/journal/writer.py",
    "collector/agenttrace_collector/delivery/table_worker.py",
    "collector/agenttrace_collector/forward/worker.py",
    "collector/agenttrace_collector/settle/worker.py",
)
ATTRIBUTE_KEY: Final = re.compile(
    r"(agenttrace|gen_ai|openinference|traceloop|llm|retrieval|reranker|embedding|mcp)\.[a-z_]+(\.[a-z_]+)*\.?"
    r"|service\.(name|version)|deployment\.environment(\.name)?|error\.type|exception\.[a-z]+|session\.id"
)
# The examples speak as an application does, so they may say what the contract forbids.
KEY_HOMES: Final = (
    "schemas/agenttrace_schemas/allowlist.py",
    "schemas/agenttrace_schemas/wire.py",
    "collector/agenttrace_collector/decode/conventions/",
    "instrumentation/agenttrace/examples/",
)
EVERY_MODULE: Final = modules()
EVERYWHERE: Final = [*EVERY_MODULE, *modules_of_tests()]


def test_packages_meet_in_the_schemas_only() -> None:
    """Agenttrace → agenttrace_schemas ← agenttrace_collector, and no other way."""
    foreign = {
        str(module): (set(module.imports()) & PACKAGES.keys()) - {module.package, "agenttrace_schemas"}
        for module in EVERY_MODULE
    }
    assert found(foreign) == {}


def test_schemas_need_the_standard_library_only() -> None:
    """The contract can be used wherever Python is."""
    known = {"agenttrace_schemas"} | sys.stdlib_module_names
    assert found({str(each): set(each.imports()) - known for each in modules("agenttrace_schemas")}) == {}


def test_instrumentation_is_light() -> None:
    """What an agent imports needs OpenTelemetry and nothing else; `testing` is for those who have pytest."""
    light = {"agenttrace", "agenttrace_schemas", "opentelemetry"} | sys.stdlib_module_names
    heavy = {
        str(module): set(module.imports())
        - light
        - ({"pytest"} if module.path.name == "testing.py" else set())
        for module in modules("agenttrace")
    }
    assert found(heavy) == {}


def test_modules_open_with_a_sentence() -> None:
    """The first line of every module says what it is for."""
    first = {str(each): (ast.get_docstring(each.tree) or "").partition("\n\n")[0] for each in EVERYWHERE}
    assert [name for name, text in first.items() if not re.search(r"[.:;]$", text)] == []


def test_modules_are_short() -> None:
    """A module that grows past the budget is two."""
    lines = {str(each): len(each.text.splitlines()) for each in EVERYWHERE}
    assert {name: count for name, count in lines.items() if count >= MODULE_LINES} == {}


def test_functions_are_short() -> None:
    """No function is longer than a screen."""
    lengths = {f"{each}: {one.name}": length(one) for each in EVERYWHERE for one in each.functions()}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def found(problems: dict[str, set[str]]) -> dict[str, set[str]]:
    """Those modules that have any."""
    return {name: each for name, each in problems.items() if each}


def length(function: Function) -> int:
    """The lines of a function from `def` to its end."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_attribute_keys_have_one_home() -> None:
    """Names on the wire are constants of `wire.py` or rows of a convention's table."""
    literals = [
        f"{module}: {node.value!r}"
        for module in EVERY_MODULE
        if not str(module).startswith(KEY_HOMES)
        for node in module.strings()
        if ATTRIBUTE_KEY.fullmatch(str(node.value))
    ]
    assert literals == []


def test_catch_alls_stand_at_the_borders_only() -> None:
    """Whoever catches everything raises it again, or is the host guard, a request handler, a worker loop."""
    swallowed = [
        f"{module}:{handler.lineno}"
        for module in EVERY_MODULE
        if not str(module).startswith(BORDERS)
        for handler in ast.walk(module.tree)
        if isinstance(handler, ast.ExceptHandler) and catches_all(handler) and not raises_again(handler)
    ]
    assert swallowed == []


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
