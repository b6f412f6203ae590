"""The tools of servers in Claude Code's records: their names stand in a JSON object, and nothing else of it is read."""

from __future__ import annotations

import json
from typing import Final

import pytest

from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.decode.otlp import decode_logs
from agenttrace_schemas.rows import DecisionRow, StepRow
from tests.support.agents import CONTEXT
from tests.support.otlp import logs
from tests.support.rows import rows_of, stored_bytes

SCOPE: Final = "com.anthropic.claude_code.events"
NAMES: Final = {"mcp_server_name": "weather", "mcp_tool_name": "forecast"}
CANARY: Final = "CANARY what was said"
# Parameters that name no tool.
NAMELESS: Final = (
    "",
    CANARY,
    "[]",
    "null",
    json.dumps([NAMES]),
    json.dumps({"mcp_tool_name": "forecast"}),
    json.dumps({**NAMES, "mcp_tool_name": 5}),
    json.dumps({**NAMES, "mcp_tool_name": CANARY}),
    json.dumps({**NAMES, "mcp_server_name": "two words"}),
    json.dumps({**NAMES, "mcp_tool_name": "sk-" + "a1B2" * 12}),
    json.dumps({**NAMES, "mcp_server_name": ""}),
    json.dumps({**NAMES, "mcp_server_name": {"name": CANARY}}),
    json.dumps({**NAMES, "padding": CANARY * 1_000}),
    "[" * 900,
)


def decoded(event: str, **stated: str) -> Batch:
    """One record of a call that a server's tool took."""
    attributes = {
        "event.name": event,
        "prompt.id": "p",
        "tool_use_id": "t",
        "tool_name": "mcp_tool",
        **stated,
    }
    return decode_logs(logs(event, attributes, scope=SCOPE), CONTEXT)


def tool_of(parameters: str) -> str:
    """The name of the tool in the step of a call that succeeded."""
    batch = decoded("tool_result", success="true", tool_parameters=parameters)
    assert CANARY.encode() not in stored_bytes(batch)
    (step,) = rows_of(batch, StepRow)
    return step.tool_name


def test_a_call_has_the_name_that_spans_give_its_tool() -> None:
    """In the step and in what was decided."""
    said = json.dumps({**NAMES, "command": CANARY})
    assert tool_of(said) == "mcp__weather__forecast"
    batch = decoded("tool_decision", decision="accept", source="config", tool_parameters=said)
    (decision,) = rows_of(batch, DecisionRow)
    assert (decision.tool_name, decision.selected) == ("mcp__weather__forecast", "allow")


@pytest.mark.parametrize("parameters", NAMELESS, ids=range(len(NAMELESS)))
def test_without_names_it_is_a_tool_of_a_server(parameters: str) -> None:
    """Whatever stands in their place."""
    assert tool_of(parameters) == "mcp_tool"


def test_a_name_that_only_a_failure_without_a_type_tells_is_not_stored() -> None:
    """A model may have made it up."""
    said = json.dumps({**NAMES, "mcp_tool_name": "frobnicate"})
    batch = decoded("tool_result", success="false", error_type="", tool_parameters=said)
    assert b"frobnicate" not in stored_bytes(batch)


def test_other_tools_have_their_own_name() -> None:
    """What stands in the parameters of a command is not looked at."""
    said = json.dumps({**NAMES, "bash_command": CANARY})
    batch = decoded("tool_result", tool_name="Bash", success="true", tool_parameters=said)
    assert [step.tool_name for step in rows_of(batch, StepRow)] == ["Bash"]
