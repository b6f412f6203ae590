"""Substitutes for redacted names and for names of tools that no record shows to exist (rule `tool.confirmed`).

A tool's name comes from the output of a model. It is stored if the record shows that such a tool ran; otherwise the
model may have made it up, which makes it content.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection
from typing import Final

from agenttrace_schemas import patterns
from agenttrace_schemas.texts import REDACTED, accepted

UNCONFIRMED: Final = "_unconfirmed"
UNKNOWN_TOOL: Final = "_unknown_tool"
RULE: Final = "tool.confirmed"
# Operations that name what a model asked for.
OPERATIONS: Final = ("execute_tool", "handoff")
# Tools that coding agents come with: a call of one names no tool that a model made up.
PACKAGED: Final = frozenset(
    """
    Agent AskUserQuestion Bash BashOutput Edit EnterPlanMode ExitPlanMode Glob Grep KillShell MultiEdit
    NotebookEdit NotebookRead Read Skill Task TaskOutput TaskStop TodoWrite WebFetch WebSearch Write mcp_tool
    apply_patch exec_command list_mcp_resources read_mcp_resource shell spawn_agent update_plan view_image
    wait_agent write_stdin
    edit glob google_web_search grep_search list_directory read_file read_many_files replace
    run_shell_command save_memory search_file_content todo_write web_fetch write_file
    bash grep read_bash report_intent stop_bash task update_todo view write_bash
    list patch read skill todoread todowrite webfetch write
    """.split()
)
# Types of decisions that show that there is what they name: someone let the tool through, or denied it.
CONFIRMING: Final = ("approval", "guardrail")
# Without digits a name may stand for any number of others.
NO_IDENTITY: Final = frozenset({REDACTED, UNCONFIRMED, UNKNOWN_TOOL})
_DIGITS: Final = 8
STOOD_FOR: Final = re.compile(f"_(redacted|unconfirmed)_([0-9a-f]{{{_DIGITS}}})", re.ASCII)
_RAN: Final = re.compile(patterns.RAN, re.ASCII)
_CALL_AGAIN: Final = re.compile(patterns.CALL_AGAIN, re.ASCII)
_UNKNOWN: Final = re.compile(patterns.UNKNOWN_TOOL, re.ASCII)


def digits(key: bytes, name: str) -> str:
    """Returns eight hex digits that distinguish names under the key of a site; empty without a key."""
    if not key:
        return ""
    # The prefix keeps them apart from the HMACs of conversations.
    text = b"name\x00" + name.strip().encode("utf-8", "replace")
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:_DIGITS]


def conversation_hash(key: bytes, value: str) -> str:
    """Returns the HMAC-SHA256 of a conversation id under the site's key as 64 hex digits; empty without a key."""
    if not value or not key:
        return ""
    return hmac.new(key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def stand_in(label: str, key: bytes, name: str) -> str:
    """Returns the substitute for a name: the label, with digits if the site has a key."""
    return f"{label}_{found}" if (found := digits(key, name)) else label


def kept_name(key: bytes, name: str) -> str:
    """Returns the name if it is an identifier (`texts.accepted`), else `_redacted` with its digits."""
    kept = accepted(name)
    return stand_in(REDACTED, key, name) if kept is None else kept


def is_redacted(name: str) -> bool:
    """True if a stored name is the substitute for one that was not an identifier."""
    return name.startswith(REDACTED)


def is_identity(name: str) -> bool:
    """True if two records with this name may be about the same thing."""
    return name not in NO_IDENTITY


def digits_of(name: str) -> str:
    """Returns the digits of a substitute, empty for any other name."""
    found = STOOD_FOR.fullmatch(name)
    return found[2] if found else ""


def shows_execution(error_type: str) -> bool:
    """True if an error can only come from a tool that ran: an exception, a timeout, an exit code."""
    if not _RAN.fullmatch(error_type) or _CALL_AGAIN.fullmatch(error_type):
        return False
    return not names_no_tool(error_type)


def names_no_tool(error_type: str) -> bool:
    """True if an error says that there is no such tool or agent."""
    return _UNKNOWN.search(error_type) is not None


def tool_name(key: bytes, name: str, *, failed: bool, error_type: str, tools: Collection[str] = ()) -> str:
    """Returns the name of a tool if the record of its call shows that it exists, else its substitute.

    `tools` are the names that the site knows. A substitute is returned as it is.
    """
    stands = not is_identity(name) or digits_of(name)
    if not name or stands or name in tools or (not failed and not error_type):
        return name
    if shows_execution(error_type):
        return name
    return UNKNOWN_TOOL if names_no_tool(error_type) else stand_in(UNCONFIRMED, key, name)


def decided_tool(key: bytes, name: object, decision_type: str, tools: Collection[str] = ()) -> str:
    """The name of the tool that a decision is about: of one of another type only where the site knows the tool."""
    if not name:
        return ""
    kept = kept_name(key, name) if isinstance(name, str) else REDACTED
    stands = not is_identity(kept) or digits_of(kept)
    if not kept or stands or decision_type in CONFIRMING or kept in tools or kept in PACKAGED:
        return kept
    return stand_in(UNCONFIRMED, key, kept)
