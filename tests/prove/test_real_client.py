"""A real coding agent against a stub of its model API, with a collector as its OTLP endpoint: by gRPC and by HTTP.

Claude Code is installed from its registry, told a prompt, allowed one command by a rule, and everything that it is asked
to send with content is on. Found afterwards: its run, the approval, the call; and no word of what was said.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.anthropic_stub import messages_api
from tests.support.collector import Collector, running_collector
from tests.support.http import counted
from tests.support.proof import FULL
from tests.support.query import answers
from tests.support.read_back import read_back

PACKAGE: Final = "@anthropic-ai/claude-code@2.1.197"
CANARY: Final = "CANARY-REAL-CLIENT"
INSTALL_SECONDS: Final = 600
RUN_SECONDS: Final = 120
SETTLE_SECONDS: Final = 60.0
CONTENT: Final = ("USER_PROMPTS", "TOOL_DETAILS", "TOOL_CONTENT", "ASSISTANT_RESPONSES")

pytestmark = pytest.mark.skipif(
    not FULL,
    reason="installs a coding agent from its registry: make prove NAME=real-client; captures stand for it here",
)


@pytest.fixture(scope="module")
def claude(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed program; skipped, with the reason, where it cannot be installed or does not start."""
    npm = shutil.which("npm")
    if npm is None:
        _skip("there is no npm to install it with")
    folder = tmp_path_factory.mktemp("client")
    command = [str(npm), "install", "--no-audit", "--no-fund", "--loglevel=error", PACKAGE]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    program = folder / "node_modules" / ".bin" / "claude"
    if done.returncode or not program.exists():
        _skip(f"npm ended with {done.returncode}: the registry cannot be reached, or has no such package")
    started = subprocess.run(
        [str(program), "--version"], capture_output=True, check=False, timeout=RUN_SECONDS
    )
    if started.returncode:
        _skip(f"the program does not start here: it ended with {started.returncode}")
    return program


def _skip(reason: str) -> None:
    print(f"\nskipped: {reason}")
    pytest.skip(reason)


def run(program: Path, model: str, collector: Collector, protocol: str, home: Path) -> None:
    """One prompt, with everything that can be sent."""
    home.mkdir()
    endpoint = f"http://{collector.grpc}" if protocol == "grpc" else collector.url("http", "").rstrip("/")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ANTHROPIC_API_KEY": "dummy",
        "ANTHROPIC_BASE_URL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_RESOURCE_ATTRIBUTES": f"team.note={CANARY}-RESOURCE",
        **{f"OTEL_LOG_{each}": "1" for each in CONTENT},
    }
    command = [str(program), "-p", f"make the file {CANARY}-PROMPT", "--allowedTools", "Bash(touch:*)"]
    done = subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=RUN_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (home / f"{CANARY}-SAID").exists(), "the command ran"


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_its_run_is_found_and_no_word_of_it(claude: Path, protocol: str, tmp_path: Path) -> None:
    """The run, its two model calls and its tool, the approval by the rule; nothing that was said anywhere."""
    with (
        messages_api(f"{CANARY}-SAID") as model,
        running_collector(tmp_path, derive__quiet="1s") as collector,
    ):
        run(claude, model, collector, protocol, tmp_path / "home")
        deadline = time.monotonic() + SETTLE_SECONDS
        while counted(collector, "agenttrace_settled_runs") < 1:
            assert time.monotonic() < deadline, collector.log()[-2000:]
            time.sleep(0.2)
        said = collector.get("metrics", "/metrics") + collector.get("api", "/v1/runs")
    shutil.rmtree(tmp_path / "home")
    found = _found(tmp_path)
    print(f"\n{protocol}: {found}")
    assert found == {
        "runs": [("claude-code", "success")],
        "tools": ["Bash"],
        "models": 2,
        "approvals": [("Bash", "allow", "policy_rule")],
    }
    assert CANARY not in said + collector.log()
    assert [
        path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()
    ] == []
    assert CANARY not in read_back(tmp_path / "data")


def _found(directory: Path) -> dict[str, Any]:
    runs, steps, decisions = answers(
        directory / "data",
        [
            "SELECT agent_id, status FROM runs",
            "SELECT operation, tool_name FROM steps WHERE role = 'leaf'",
            "SELECT tool_name, selected, reason_code FROM decisions WHERE decision_type = 'approval'",
        ],
    )
    return {
        "runs": [(each["agent_id"], each["status"]) for each in runs],
        "tools": [each["tool_name"] for each in steps if each["operation"] == "execute_tool"],
        "models": sum(each["operation"] == "chat" for each in steps),
        "approvals": [(each["tool_name"], each["selected"], each["reason_code"]) for each in decisions],
    }
