"""Spans of coding agents: one table for each instrumentation scope; a span of another name says nothing.

Where log records tell the same calls, both are one step by the id of the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from agenttrace_collector.decode.conventions.frameworks import NO_STEP
from agenttrace_collector.decode.conventions.table import Constant, ReadValue, count, flag, name, text


class AgentSpans(NamedTuple):
    """The spans of one scope.

    `operations` says by span name what a span is, for all others `reads_others` whether they are read as those of
    any framework. `facts` are keys that mean something in this scope only. `links` keep their place in the tree.
    """

    agent_id: str
    operations: Mapping[str, str] = {}
    facts: Mapping[str, tuple[str, ReadValue]] = {}
    links: frozenset[str] = frozenset()
    reads_others: bool = False
    # Whether a run ended as its model calls did, because its root never fails.
    calls_tell_runs: bool = True
    # Whether a model call that failed was the last; else the agent may have tried again.
    is_failure_final: bool = True
    # Spans that show that there was a prompt, though not how it ended.
    prompts: frozenset[str] = frozenset()
    # Spans that end when their model call has begun: how it ended only a span below them knows, if there is one.
    begun: frozenset[str] = frozenset()

    @property
    def is_silent(self) -> bool:
        """Whether no span of the scope says anything."""
        return not (self.operations or self.links or self.reads_others)


_CLAUDE: Final = AgentSpans(
    agent_id="claude-code",
    operations={
        "claude_code.interaction": "invoke_agent",
        "claude_code.llm_request": "chat",
        "claude_code.tool": "execute_tool",
        "claude_code.tool.execution": "execute_tool",
        "claude_code.tool.blocked_on_user": "other",
    },
    facts={
        "tool_name": ("tool_name", name),
        "tool_use_id": ("call_id", text),
        "request_id": ("call_id", text),
        "input_tokens": ("input_tokens", count),
        "output_tokens": ("output_tokens", count),
        "cache_read_tokens": ("cache_read_tokens", count),
        "cache_creation_tokens": ("cache_write_tokens", count),
        "attempt": ("attempt", count),
        "status_code": ("error_type", name),
        "success": ("succeeded", flag),
        "decision": ("decision", name),
        "source": ("decided_by", name),
    },
)
_OPENCODE: Final = AgentSpans(
    agent_id="opencode",
    operations={
        "SessionPrompt.ensureTitle": "task",
        "SessionPrompt.loop": "invoke_agent",
        "LLM.run": "chat",
        "Tool.execute": "execute_tool",
        "ai.streamText": "chain",
        "ai.streamText.doStream": "chat",
        "ai.toolCall": "execute_tool",
    },
    facts={
        "tool.name": ("tool_name", name),
        "tool.call_id": ("call_id", text),
    },
    links=frozenset(
        """
        SessionProcessor.process SessionPrompt.prompt SessionPrompt.run SessionRunState.ensureRunning
        SessionTools.resolve TaskTool.execute TaskTool.runTask
        """.split()
    ),
    is_failure_final=False,
    prompts=frozenset({"SessionPrompt.ensureTitle"}),
    begun=frozenset({"LLM.run"}),
)
_COPILOT: Final = AgentSpans(
    agent_id="copilot-cli",
    facts={
        # Only a tool that a server has can be called on it.
        "github.copilot.mcp.server.transport": ("registered", Constant("registered")),
    },
    reads_others=True,
    calls_tell_runs=False,
)
# By instrumentation scope. Spans of Codex and Gemini CLI repeat what their log records tell.
AGENT_SPANS: Final[Mapping[str, AgentSpans]] = {
    "com.anthropic.claude_code.tracing": _CLAUDE,
    "opencode": _OPENCODE,
    "github.copilot": _COPILOT,
    "gemini-cli": AgentSpans(agent_id="gemini-cli"),
    **dict.fromkeys(("codex_cli_rs", "codex_exec", "codex-app-server"), AgentSpans(agent_id="codex")),
}
# Wrappers of model calls that are no turn of the agent.
SIDE_WRAPPERS: Final = frozenset({"SessionPrompt.ensureTitle"})
# Spans that last as long as a person makes a call wait, where these words say that a person decided.
WAITS: Final = frozenset({"claude_code.tool.blocked_on_user"})
PERSONS: Final = frozenset({"user_temporary", "user_permanent", "user_reject", "user_abort"})
# The word of a decision that denies a call, in plain form.
DENIES: Final = frozenset({"reject", "deny", "denied"})
DENIED: Final = "denied"


def is_read(table: AgentSpans, span_name: str) -> bool:
    """Whether a span of this name says anything, its place in the tree included."""
    return table.reads_others or span_name in table.operations or span_name in table.links


def kind_of(table: AgentSpans, span_name: str) -> str:
    """The framework's word for the span, as `frameworks.ROWS` reads it; empty where its attributes say it."""
    return table.operations.get(span_name, "" if table.reads_others else NO_STEP)
