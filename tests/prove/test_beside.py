"""Real neighbours in one process: Logfire, Langfuse, tenacity, Pydantic AI; each keeps what it got, and we get our events.

The applications stand in tests/prove/beside and run as they stand, with the real packages, in an environment of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenttrace_schemas import wire
from tests.support.guide import ALONE, needs, record_after
from tests.support.otlp_recorder import Recorder, recording
from tests.support.proof import FULL

ROOT: Final = Path(__file__).parents[2]
APPS: Final = Path(__file__).with_name("beside")
SAID: Final = "CANARY-BESIDE where is my order"
_LEFT_OUT: Final = ("OTEL_", "AGENTTRACE_", "PYTEST_")
AT: Final = wire.METADATA_PREFIX + "at"
# How many observations each application makes, and whether a neighbour sends what was said.
EXPECTED: Final = {
    "langfuse_first": (12, True),
    "langfuse_later": (12, True),
    "logfire_first": (18, True),
    "logfire_later": (18, True),
    "logfire_pydantic_ai": (3, True),
    "tenacity_async": (10, False),
    "tenacity_sync": (9, False),
}

pytestmark = pytest.mark.skipif(not FULL, reason="installs the neighbours: make prove NAME=beside")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the applications and an environment with their packages and this distribution, light."""
    directory = tmp_path_factory.mktemp("beside")
    for app in APPS.glob("*.txt"):
        (directory / f"{app.stem}.py").write_text(app.read_text(encoding="utf-8"), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", directory / "venv"], check=True)
    install = [str(directory / "venv" / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-r", APPS / "requirements.txt", ROOT], check=True)
    return directory


def placed(recorder: Recorder) -> Iterator[tuple[str, str]]:
    """Each observation that arrived: where it was to be, and the step or agent whose span it stands on."""
    for body in recorder.bodies():
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                own = _values(span.attributes)
                name = own.get(wire.STEP_NAME) or own.get(wire.GEN_AI_TOOL_NAME) or own.get(wire.AGENT_ID)
                for event in span.events:
                    if event.name == wire.EVENT_SIGNAL:
                        yield _values(event.attributes)[AT], str(name)


def _values(attributes: Any) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes}


def _kept() -> dict[str, str]:
    """The environment without what changes the outcome: Logfire sends nothing in a process that says it is tested."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}


def test_every_application_is_run() -> None:
    """None is left out."""
    assert {app.stem for app in APPS.glob("*.txt")} - {"requirements", "application"} == EXPECTED.keys()


@pytest.mark.parametrize("app", EXPECTED)
def test_each_backend_gets_its_own(environment: Path, app: str) -> None:
    """Every event is on its step, no word is ours, and nothing in the application's log is."""
    events, says = EXPECTED[app]
    with recording() as ours, recording() as theirs:
        done = subprocess.run(
            [environment / "venv" / "bin" / "python", environment / f"{app}.py"],
            env={**_kept(), "NO_PROXY": "*", "OURS": ours.endpoint, "THEIRS": theirs.endpoint, "SAID": SAID},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-3:] == [f"recorded {events}", "refused 0", ""]
    found = list(placed(ours))
    assert (len(found), [each for each in found if each[0] != each[1]]) == (events, [])
    assert not any(word in done.stderr for word in ("agenttrace", "detach", "Traceback")), done.stderr
    assert not any(SAID.encode() in body for _, body in ours.received)
    assert any(SAID.encode() in body for _, body in theirs.received) is says
    print(f"\n{app}: {events} events on their steps, {len(theirs.received)} requests to the neighbour")


@pytest.mark.parametrize("block", [block for block in ALONE if needs(block)], ids=needs)
def test_the_guide_starts_beside_a_neighbour(environment: Path, block: str) -> None:
    """As it stands in instrumentation/GUIDE.md, with the collector's address alone replaced."""
    with recording() as ours, recording() as theirs:
        variables = {
            **_kept(),
            "COLLECTOR_TOKEN": "held-by-the-application",
            "LOGFIRE_TOKEN": "pylf_v1_us_" + "0" * 32,
            "LOGFIRE_BASE_URL": theirs.endpoint,
            "LANGFUSE_PUBLIC_KEY": "pk-lf-0",
            "LANGFUSE_SECRET_KEY": "sk-lf-0",
            "LANGFUSE_BASE_URL": theirs.endpoint,
        }
        assert record_after(block, environment / "venv" / "bin" / "python", ours, variables)
