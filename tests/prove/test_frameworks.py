"""Real frameworks under `opentelemetry-instrument` with our exporter: no word leaves, every fact does.

The recipes run as they stand in deploy/recipes, against a stub of the model API, once with OpenTelemetry's exporter and
once with ours; what leaves the process is compared byte for byte and fact for fact.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_schemas.rows import DecisionRow, StepRow
from agenttrace_schemas.rules import Policy
from tests.support.model_stub import model_api
from tests.support.otlp_recorder import recording
from tests.support.proof import FULL
from tests.support.rows import rows_of

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "deploy" / "recipes"
CANARY = "CANARY-FRAMEWORKS"
READ = (
    "operation",
    "step_type",
    "role",
    "name",
    "tool_name",
    "model",
    "response_model",
    "input_tokens",
    "output_tokens",
    "finish_reason",
    "status",
    "error_type",
    "agent_id",
    "actor",
    "source",
    "retrieval_count",
    "stream",
)
OTLP = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "none"}
OURS = {"OTEL_PYTHON_DISTRO": "agenttrace"}

pytestmark = pytest.mark.skipif(
    not FULL, reason="installs four frameworks: make prove NAME=frameworks; the corpus stands for them here"
)


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """The programs of an environment with a recipe's framework and this distribution, light."""

    @cache
    def made(requirements: str) -> Path:
        directory = tmp_path_factory.mktemp("frameworks")
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        install = [str(directory / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", str(RECIPES / requirements), str(ROOT)], check=True)
        return directory / "bin"

    def of(recipe: Path) -> Path:
        own = f"requirements-{recipe.stem.removesuffix('_agent')}.txt"
        return made(own if (RECIPES / own).exists() else "requirements.txt")

    return of


def traced(environment: Path, recipe: Path, **variables: str) -> list[tuple[str, bytes]]:
    """What left the process while the recipe ran, by path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "OPENAI_"))}
    with model_api(CANARY) as base, recording() as recorder:
        done = subprocess.run(
            [environment / "opentelemetry-instrument", environment / "python", recipe],
            env={
                **kept,
                "NO_PROXY": "*",
                "OPENAI_API_KEY": "stub",
                "OPENAI_BASE_URL": base,
                "OPENAI_AGENTS_DISABLE_TRACING": "0",
                # What CrewAI tells its maker is no matter of the recipe.
                "CREWAI_DISABLE_TELEMETRY": "true",
                "CREWAI_TRACING_ENABLED": "false",
                "OTEL_EXPORTER_OTLP_ENDPOINT": recorder.endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT",
                "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
                "OTEL_SERVICE_NAME": "support",
                "QUESTION": f"Where is my order? {CANARY}",
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert CANARY in done.stdout, "the agent has answered"
        return recorder.received


def facts(received: list[tuple[str, bytes]]) -> Counter[Any]:
    """What the collector reads of each step, whatever its ids and times."""
    context = Context(Policy(), "default", time.time_ns())
    steps = [
        step
        for path, body in received
        if path == "/v1/traces"
        for step in rows_of(decode_traces(body, context), StepRow)
    ]
    return Counter(tuple(getattr(step, name) for name in READ) for step in steps)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*_agent.py")), ids=lambda path: str(path.stem))
def test_a_framework_says_nothing_through_our_exporter(
    environments: Callable[[Path], Path], recipe: Path
) -> None:
    """OpenTelemetry's own lets words out; the facts are the same."""
    environment = environments(recipe)
    plain = traced(environment, recipe, **OTLP)
    ours = traced(environment, recipe, **OURS)
    assert any(CANARY.encode() in body for _, body in plain)
    assert not any(CANARY.encode() in body for _, body in ours)
    assert facts(ours) == facts(plain)
    tools = sum(count for fact, count in facts(ours).items() if "lookup_order" in fact)
    assert tools > 0
    print(
        f"\n{recipe.stem}: {sum(facts(ours).values())} steps, {sum(len(body) for _, body in plain):,} bytes left"
        f" before, {sum(len(body) for _, body in ours):,} bytes leave now, without a word"
    )


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*_agent.py")), ids=lambda path: str(path.stem))
def test_a_decision_inside_a_tool_is_on_its_step(
    environments: Callable[[Path], Path], recipe: Path, tmp_path: Path
) -> None:
    """Also where the framework's instrumentation does not make its span the current one."""
    deciding = tmp_path / recipe.name
    deciding.write_text(recipe.read_text().replace(_RETURN, _DECIDE + _RETURN))
    context = Context(Policy(), "default", time.time_ns())
    batches = [
        decode_traces(body, context)
        for path, body in traced(environments(recipe), deciding, **OURS)
        if path == "/v1/traces"
    ]
    steps = {step.step_id: step for batch in batches for step in rows_of(batch, StepRow)}
    decisions = [decision for batch in batches for decision in rows_of(batch, DecisionRow)]
    assert [decision.selected for decision in decisions] == ["replica"]
    assert not [refusal for batch in batches for refusal in batch.refusals]
    assert [steps[decision.step_id or b""].tool_name for decision in decisions] == ["lookup_order"]


_RETURN = '    return f"order'
_DECIDE = """    import agenttrace

    agenttrace.record_decision("tool_selection", "replica", "fresh_data_required")
"""
