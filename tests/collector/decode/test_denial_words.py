"""Calls that were not let through where only the program's own words say so: they are compared, and never kept."""

from __future__ import annotations

from typing import Final

import pytest

from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.decode.otlp import decode_logs
from agenttrace_schemas.rows import StepRow
from tests.support.agents import CONTEXT
from tests.support.otlp import logs
from tests.support.rows import rows_of, stored_bytes

CANARY: Final = "CANARY"
REJECTED: Final = (
    f'exec_command failed: CreateProcess {{ message: "Rejected(\\"`rm {CANARY}` rejected: {CANARY}\\")" }}'
)
NEVER: Final = f"approval policy is Never; reject command — you cannot ask for {CANARY}"
CANCELLED: Final = 'Tool "run_shell_command" was canceled by the user.'
CODEX: Final = ("codex_otel.log_only", "codex.tool_result", "tool_name", "output")
QWEN: Final = ("qwen-code", "qwen-code.tool_call", "function_name", "error")
Form = tuple[str, str, str, str]


def decoded(form: Form, words: str, tool: str = "exec_command", **stated: str) -> Batch:
    """A record of a call, with these words where the program puts its own or what the call said."""
    scope, event, tool_key, words_key = form
    attributes = {"event.name": event, "conversation.id": "c", "prompt_id": "p", "call_id": "i"}
    attributes |= {tool_key: tool, words_key: words, **stated}
    batch = decode_logs(logs(event, attributes, scope=scope), CONTEXT)
    assert CANARY.encode() not in stored_bytes(batch)
    return batch


@pytest.mark.parametrize(
    ("form", "words", "tool"),
    [
        (CODEX, REJECTED, "exec_command"),
        (CODEX, NEVER, "exec_command"),
        (QWEN, CANCELLED, "run_shell_command"),
    ],
    ids=["rejected", "never", "cancelled"],
)
def test_a_call_that_was_denied_is_told_from_one_that_failed(form: Form, words: str, tool: str) -> None:
    """Its error type says so, from which settling derives the approval."""
    (step,) = rows_of(decoded(form, words, tool, success="false"), StepRow)
    assert (step.error_type, step.tool_name) == ("denied", tool)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (CODEX, f"{CANARY} {REJECTED}"),
        (CODEX, "exec_command failed: CreateProcess"),
        (CODEX, f"failed to parse function arguments: {CANARY}"),
        (CODEX, CANCELLED),
        (CODEX, ""),
        (QWEN, f"{CANCELLED} {CANARY}"),
        (QWEN, REJECTED),
        (QWEN, f'Tool "{"x" * 10_000}" was canceled by the user.'),
    ],
    ids=range(8),
)
def test_other_words_say_nothing(form: Form, words: str) -> None:
    """The call may never have run, so it is no step."""
    assert rows_of(decoded(form, words, success="false"), StepRow) == []


def test_a_call_that_succeeded_may_have_said_the_same() -> None:
    """A command's own output is not looked at for it."""
    (step,) = rows_of(decoded(CODEX, REJECTED, success="true"), StepRow)
    assert step.error_type == ""


def test_an_error_type_that_is_stated_counts() -> None:
    """The words are not asked where the record says it in its own terms."""
    (step,) = rows_of(decoded(QWEN, CANCELLED, success="false", error_type="timeout"), StepRow)
    assert step.error_type == "timeout"
