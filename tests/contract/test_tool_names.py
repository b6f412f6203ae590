"""Rule `tool.confirmed` in the collector and in the database: one table of calls for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest

from agenttrace_collector.clickhouse.client import QueryRejected
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.decode.run_document.document import decode_run
from agenttrace_schemas import names, wire
from agenttrace_schemas.rows import StepRow
from agenttrace_schemas.rules import Policy
from tests.support.database import insert_statement, migrated, valid_row
from tests.support.otlp import NOW, ASpan, traces
from tests.support.reference import Value
from tests.support.rows import rows_of, stored_bytes
from tests.support.run_documents import body, moment

MADE_UP: Final = "erase_the_account_of_anna_schmidt"
KEYED: Final = Policy(site_key=b"a key of the site")
CONFIRMED: Final = (
    *(
        "ValueError",
        "TimeoutError",
        "ReadTimeout",
        "TimeoutExpired",
        "KeyboardInterrupt",
        "RefundDeniedError",
    ),
    *(
        "timeout",
        "timed_out",
        "connect timeout",
        "deadline_exceeded",
        "exit_code_1",
        "exit code 127",
        "exit -9",
    ),
    *("500", "404", "PermissionDenied"),
)
NOT_CONFIRMED: Final = (
    "",
    "_OTHER",
    "tool_error",
    "failed",
    "error",
    "ModelRetry",
    "ToolRetryError",
    "600",
    "Oops",
)
NO_TOOL: Final = (
    *(
        "tool_not_found",
        "ToolNotFoundError",
        "UnknownToolError",
        "unknown_tool",
        "NoSuchToolError",
        "no such tool",
    ),
    *("InvalidToolError", "function_not_found", "FunctionNotFound", "Tool not found", "tool_not_available"),
    *("agent_not_found", "UnknownAgentException", "tool_name_not_registered", "tool does not exist"),
)


def step(
    policy: Policy, *, error_type: str = "", error: bool = True, more: Mapping[str, Value] = {}
) -> StepRow:
    """The row of a span that calls a tool by a name that a model made up."""
    attributes: dict[str, Value] = {
        wire.GEN_AI_OPERATION_NAME: "execute_tool",
        wire.GEN_AI_TOOL_NAME: MADE_UP,
        **({wire.ERROR_TYPE: error_type} if error_type else {}),
        **more,
    }
    span = ASpan(name=f"execute_tool {MADE_UP}", attributes=attributes, error=error)
    (row,) = rows_of(decode_traces(traces(span), Context(policy, "default", NOW)), StepRow)
    return row


def is_accepted(policy: Policy, **values: object) -> bool:
    """Whether the database takes a call with this name."""
    row = valid_row(StepRow, operation="execute_tool", tool_name=MADE_UP, **values)
    try:
        migrated(policy).command(insert_statement(StepRow, row))
    except QueryRejected as refused:
        return refused.rule != names.RULE
    return True


@pytest.mark.parametrize("error_type", CONFIRMED)
def test_an_error_that_only_a_tool_that_ran_has_confirms_it(error_type: str) -> None:
    """In every layer."""
    assert step(Policy(), error_type=error_type).tool_name == MADE_UP
    assert is_accepted(Policy(), status="error", error_type=error_type)


@pytest.mark.parametrize("error_type", [*NOT_CONFIRMED, *NO_TOOL])
def test_another_error_confirms_nothing(error_type: str) -> None:
    """The name is in no column, and the database takes none."""
    row = step(Policy(), error_type=error_type)
    expected = names.UNKNOWN_TOOL if error_type in NO_TOOL else names.UNCONFIRMED
    assert (row.tool_name, row.name) == (expected, expected)
    assert MADE_UP not in repr(row)
    assert not is_accepted(Policy(), status="error", error_type=error_type)


def test_success_and_the_list_of_the_site_confirm() -> None:
    """And nothing that is no call of a tool is looked at."""
    assert step(Policy(), error=False).tool_name == MADE_UP
    assert is_accepted(Policy(), status="ok")
    known = Policy(tools=frozenset({MADE_UP}))
    assert step(known, error_type="failed").tool_name == MADE_UP
    assert is_accepted(known, status="error", error_type="failed")


def test_digits_tell_names_apart_under_the_key_of_the_site() -> None:
    """Another key gives others; the database takes what stands for a name."""
    row = step(KEYED)
    assert names.digits_of(row.tool_name) == names.digits(KEYED.site_key, MADE_UP)
    assert step(replace(KEYED, site_key=b"another")).tool_name != row.tool_name
    for name in (row.tool_name, names.UNCONFIRMED, names.UNKNOWN_TOOL, "_redacted", "_redacted_0123abcd"):
        values = valid_row(StepRow, operation="execute_tool", status="error", tool_name=name)
        migrated(Policy()).command(insert_statement(StepRow, values))


@pytest.mark.parametrize("key", ["tool.name", "traceloop.entity.name"])
def test_no_other_key_keeps_it(key: str) -> None:
    """Nor does the name of the step."""
    row = step(KEYED, more={key: MADE_UP, wire.STEP_NAME: MADE_UP})
    assert MADE_UP not in repr(row)


def test_a_handoff_and_an_agent_that_there_is_not() -> None:
    """A model names those too."""
    handoff = ASpan(
        attributes={
            wire.GEN_AI_OPERATION_NAME: "execute_tool",
            wire.GEN_AI_TOOL_NAME: f"transfer_to_{MADE_UP}",
        },
        error=True,
    )
    agent = ASpan(
        attributes={
            wire.GEN_AI_OPERATION_NAME: "invoke_agent",
            wire.GEN_AI_AGENT_NAME: MADE_UP,
            wire.ERROR_TYPE: "agent_not_found",
        },
        error=True,
    )
    batch = decode_traces(traces(handoff, agent), Context(KEYED, "default", NOW))
    assert MADE_UP.encode() not in stored_bytes(batch)
    assert {change.rule for change in batch.changes} == {names.RULE}


@pytest.mark.parametrize("how", [{"status": "error"}, {"error_type": "failed"}])
def test_a_run_document_is_held_to_it(how: dict[str, str]) -> None:
    """Named for its tool or by it."""
    steps = [
        {"step_type": "tool", "started_at": moment(-9), "tool_name": MADE_UP, **how},
        {"step_type": "tool", "started_at": moment(-9), "name": MADE_UP, **how},
    ]
    batch = decode_run(body(steps=steps), Context(KEYED, "default", NOW))
    assert not batch.problems
    assert MADE_UP.encode() not in stored_bytes(batch)
