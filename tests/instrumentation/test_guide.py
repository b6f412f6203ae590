"""The guide's Python blocks run as they stand, and its tables name every switch."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

import agenttrace
from agenttrace import settings
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings
from tests.instrumentation.test_workers import KINDS
from tests.support.applications import SYNC
from tests.support.async_applications import ASYNC, ROUTES
from tests.support.guide import ALONE, GUIDE, SHARED, TEXT, needs, record_after
from tests.support.otlp_recorder import recording


def run(captured: Capture) -> dict[str, object]:
    """All blocks in one namespace; the guide's agent records into memory."""
    source = "\n".join(SHARED)
    source = source.replace(
        'environment="production")', 'environment="production", tracer_provider=PROVIDER)'
    )
    source = source.replace("trace.get_tracer(", "PROVIDER.get_tracer(")
    namespace: dict[str, object] = {"PROVIDER": captured.tracer_provider}
    exec(compile(source, str(GUIDE), "exec"), namespace)  # noqa: S102 - the guide is ours
    return namespace


def test_every_block_runs() -> None:
    """Nothing is refused but the one record that shows a refusal."""
    with capture(Settings()) as captured:
        run(captured)
        assert captured.counters().refused == {"label.pattern": 1}
        assert len(captured.events()) == 18
    assert (len(SHARED), len(ALONE)) == (22, 5)


@pytest.mark.parametrize("block", [block for block in ALONE if not needs(block)])
def test_every_start_of_a_process_runs(block: str) -> None:
    """What is recorded after it arrives. Those beside a neighbour run in tests/prove/test_beside.py."""
    with recording() as collector:
        assert record_after(block, Path(sys.executable), collector, dict(os.environ))


def test_the_guide_names_every_variable() -> None:
    """A switch that is not in the table does not exist for a reader."""
    named = set(re.findall(r"^\| `(AGENTTRACE_\w+)`", TEXT, re.MULTILINE))
    read = {value for value in vars(settings).values() if str(value).startswith("AGENTTRACE_")}
    assert named == read


def test_the_guide_names_every_count() -> None:
    """What can be looked up is explained."""
    text = TEXT
    fields = agenttrace.Counts.__dataclass_fields__
    assert all(f"`{name}`" in text or f"counts.{name}" in text for name in fields)


def test_the_guide_lists_every_application() -> None:
    """More than forty, each under its own name."""
    section = TEXT.partition("## Applications that are tried")[2]
    listed = re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| [^|]+ \| ([^|]+) \|", section, re.MULTILINE)))
    prove = Path(__file__).parents[1] / "prove" / "beside"
    recipes = Path(__file__).parents[2] / "deploy" / "recipes"
    applications = [
        *(app.__name__ for app in SYNC),
        *(name for name in ASYNC if not name.startswith("/")),
        *(path for path, _ in ROUTES),
        *KINDS,
        *(app.stem for app in prove.glob("*.txt") if app.stem not in {"application", "requirements"}),
        *(recipe.stem for recipe in recipes.glob("*_agent.py")),
        "server",
    ]
    assert sorted(listed) == sorted(applications)
    # FastAPI's are each tried with one request and with six at once.
    assert len(listed) + len(ROUTES) == 52
