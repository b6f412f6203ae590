"""The guide's blocks: those that share one namespace, and those that each are the start of a process."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

from tests.support.otlp_recorder import Recorder

GUIDE: Final = Path(__file__).parents[2] / "instrumentation" / "GUIDE.md"
TEXT: Final = GUIDE.read_text(encoding="utf-8")
SHARED: Final = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
ALONE: Final = re.findall(r"^```py\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
# Those that import a neighbour run where it is installed: make prove NAME=beside.
NEIGHBOURS: Final = ("logfire", "langfuse")
_COLLECTOR: Final = "http://localhost:4318"
# What an application does after its start; a server's own start is no set-up.
_CONFIGURE: Final = '\nagenttrace.configure("support-desk")'
_RECORD: Final = """
with agenttrace.AgentTracer("desk").start_run():
    agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
assert agenttrace.flush(timeout=10.0)
assert agenttrace.counters().recorded == {"agenttrace.quality_signal": 1}, agenttrace.counters()
"""


def needs(block: str) -> str:
    """The neighbour that this block imports, or an empty text."""
    return next(
        (name for name in NEIGHBOURS if re.search(rf"^(from|import) {name}\b", block, re.MULTILINE)), ""
    )


def record_after(block: str, python: Path, collector: Recorder, variables: dict[str, str]) -> list[bytes]:
    """The requests that arrive when a process starts with this block, records one signal and flushes."""
    configured = "" if "agenttrace.configure(" in block else _CONFIGURE
    source = block.replace(_COLLECTOR, collector.endpoint) + configured + _RECORD
    done = subprocess.run(
        [python, "-c", source],
        env={**variables, "NO_PROXY": "*", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "agenttrace" in done.stderr) == (0, False), done.stderr
    return collector.bodies()
