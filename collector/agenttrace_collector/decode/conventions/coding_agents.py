"""What log records of coding agents say: one table for each command line, by instrumentation scope and event name.

A key that stands in no table is never looked at; the body is not either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from agenttrace_collector.decode.conventions.agent_table import AgentRecord, CodingAgent, StatedCodes

SOURCE: Final = "coding_agent"
# What Claude Code calls each tool of a server; which one it is stands in a JSON object, beside what was said elsewhere.
SERVER_TOOL: Final = "mcp_tool"
SERVER_TOOL_KEYS: Final = ("mcp_server_name", "mcp_tool_name")
EVENT_NAME: Final = "event.name"
# The place of a record among those of its session.
SEQUENCE: Final = "event.sequence"
AGENT_NAME: Final = "agent_name"


# Between a session and the number of its prompt; one of them alone stands before the number of a turn.
PROMPT_MARK: Final = "########"
TURN_MARK: Final = "#"


_CLAUDE: Final = CodingAgent(
    agent_id="claude-code",
    run_keys=("prompt.id",),
    session_key="session.id",
    trace_is_run=True,
    records={
        "user_prompt": AgentRecord("prompt", {"builtin": "command_source"}, without="builtin"),
        "api_request": AgentRecord(
            "model",
            {
                "model": "model",
                "input_tokens": "input_tokens",
                "output_tokens": "output_tokens",
                "cache_read_tokens": "cache_read_tokens",
                "cache_write_tokens": "cache_creation_tokens",
                "cost_usd": "cost_usd",
                "duration_ms": "duration_ms",
                "call_id": "request_id",
                "purpose": "query_source",
            },
        ),
        "api_error": AgentRecord(
            "model_error",
            {
                "model": "model",
                "duration_ms": "duration_ms",
                "attempt": "attempt",
                "error_type": "status_code",
                "purpose": "query_source",
            },
        ),
        "api_refusal": AgentRecord(
            "refusal", {"call_id": "request_id"}, signal=StatedCodes("model_refusal", {"": "policy"})
        ),
        "compaction": AgentRecord(
            "event",
            {"trigger": "trigger"},
            signal=StatedCodes("context_compacted", {"auto": "automatic", "manual": "manual"}, "trigger"),
        ),
        # The other surveys ask about other things than the session.
        "feedback_survey": AgentRecord(
            "event",
            {"response": "response", "survey": "survey_type"},
            only=("survey", "session"),
            signal=StatedCodes(
                "user_feedback", {"bad": "negative", "fine": "neutral", "good": "positive"}, "response"
            ),
        ),
        "tool_decision": AgentRecord(
            "approval",
            {
                "decision": "decision",
                "reason": "source",
                "tool_name": "tool_name",
                "server_tool": "tool_parameters",
                "call_id": "tool_use_id",
            },
        ),
        "tool_result": AgentRecord(
            "tool",
            {
                "tool_name": "tool_name",
                "server_tool": "tool_parameters",
                "call_id": "tool_use_id",
                "success": "success",
                "duration_ms": "duration_ms",
                "error_type": "error_type",
            },
        ),
    },
    approvals={
        ("accept", "config"): ("allow", "policy_rule"),
        ("accept", "hook"): ("allow", "hook"),
        ("accept", "user_temporary"): ("allow", "user_once"),
        ("accept", "user_permanent"): ("allow", "user_always"),
        ("reject", "config"): ("deny", "policy_rule"),
        ("reject", "hook"): ("deny", "hook"),
        ("reject", "user_reject"): ("deny", "user_reject"),
        ("reject", "user_abort"): ("deny", "user_abort"),
        ("accept", ""): ("allow", "unstated"),
        ("reject", ""): ("deny", "unstated"),
    },
)
_CODEX: Final = CodingAgent(
    agent_id="codex",
    run_keys=("conversation.id",),
    session_key="conversation.id",
    failed_is_unrun=True,
    denial=re.compile(
        r'(exec_command failed: CreateProcess \{ message: "Rejected\(|approval policy is [A-Za-z]+; reject command )'
        r"(?s:.*)"
    ),
    main_agents=("/root",),
    records={
        "codex.user_prompt": AgentRecord("prompt", {}),
        "codex.sse_event": AgentRecord(
            "model",
            {
                "model": "model",
                "input_tokens": "input_token_count",
                "output_tokens": "output_token_count",
                "cache_read_tokens": "cached_token_count",
                "cache_write_tokens": "cache_write_token_count",
            },
            needs="input_tokens",
        ),
        "codex.api_request": AgentRecord(
            "model_error",
            {"model": "model", "duration_ms": "duration_ms", "error_type": "http.response.status_code"},
            needs="http_error",
        ),
        "codex.tool_decision": AgentRecord(
            "approval",
            {"decision": "decision", "reason": "source", "tool_name": "tool_name", "call_id": "call_id"},
        ),
        "codex.tool_result": AgentRecord(
            "tool",
            {
                "tool_name": "tool_name",
                "call_id": "call_id",
                "success": "success",
                "duration_ms": "duration_ms",
                "server": "mcp_server",
                "words": "output",
            },
        ),
    },
    approvals={
        ("approved", "config"): ("allow", "policy_rule"),
        ("approved", "user"): ("allow", "user_once"),
        ("approved_for_session", "user"): ("allow", "user_always"),
        ("approved_for_session", "config"): ("allow", "policy_rule"),
        ("denied", "config"): ("deny", "policy_rule"),
        ("denied", "user"): ("deny", "user_reject"),
        ("abort", "user"): ("deny", "user_abort"),
        ("approved", ""): ("allow", "unstated"),
        ("approved_for_session", ""): ("allow", "unstated"),
        ("denied", ""): ("deny", "unstated"),
        ("abort", ""): ("deny", "unstated"),
    },
)
_GEMINI_MODEL: Final = {
    "model": "model",
    "input_tokens": "input_token_count",
    "output_tokens": "output_token_count",
    "cache_read_tokens": "cached_content_token_count",
    "duration_ms": "duration_ms",
    "finish_reason": "finish_reasons",
    "call_id": "response_id",
}
_GEMINI_ERROR: Final = {"model": "model", "duration_ms": "duration_ms", "error_type": "error.type"}
_GEMINI_TOOL: Final = {
    "tool_name": "function_name",
    "success": "success",
    "decision": "decision",
    "duration_ms": "duration_ms",
    "error_type": "error_type",
    "words": "error",
}
# Qwen Code's, where its user is asked through an editor.
_CANCELLED: Final = re.compile(r'Tool "[^"]{1,128}" was canceled by the user\.')
# A router's name may stand before what it went by.
_ROUTING: Final = AgentRecord(
    "event",
    {"model": "decision_model", "source": "decision_source", "failed": "failed"},
    without="failed",
    selected="model",
    decision=StatedCodes(
        "model_routing",
        {"override": "override", "fallback": "fallback", "default": "configured", "": "router"},
        "source",
    ),
)
_LOOP: Final = AgentRecord(
    "event",
    {"loop_type": "loop_type"},
    signal=StatedCodes(
        "loop_detected",
        {
            "consecutive_identical_tool_calls": "repeated_tool_call",
            "chanting_identical_sentences": "repeated_text",
            "llm_detected_loop": "judged_by_model",
        },
        "loop_type",
    ),
)

# Qwen Code's; Gemini CLI sends none.
_FEEDBACK: Final = AgentRecord(
    "event",
    {"rating": "rating"},
    signal=StatedCodes("user_feedback", {"1": "negative", "2": "neutral", "3": "positive"}, "rating"),
)


def _gemini(agent_id: str, prefix: str, purpose: str, *, always: str, versioned: bool) -> CodingAgent:
    """Qwen Code is Gemini CLI under another prefix; `purpose` tells calls that are no turn of the agent."""
    model, error = {**_GEMINI_MODEL, "purpose": purpose}, {**_GEMINI_ERROR, "purpose": purpose}
    return CodingAgent(
        agent_id=agent_id,
        run_keys=("prompt_id", "session.id"),
        session_key="session.id",
        versioned=versioned,
        counts_turns=True,
        types_failures=True,
        denial=_CANCELLED,
        records={
            f"{prefix}.user_prompt": AgentRecord("prompt", {}),
            f"{prefix}.api_response": AgentRecord("model", model),
            f"{prefix}.api_error": AgentRecord("model_error", error),
            f"{prefix}.tool_call": AgentRecord("tool", _GEMINI_TOOL),
            f"{prefix}.model_routing": _ROUTING,
            f"{prefix}.user_feedback": _FEEDBACK,
            "loop_detected": _LOOP,
        },
        approvals={
            ("accept", ""): ("allow", "unstated"),
            ("auto_accept", ""): ("allow", always),
            ("modify", ""): ("modify", "unstated"),
            ("reject", ""): ("deny", "user_reject"),
        },
    )


# By instrumentation scope; of each the event names are its own.
AGENTS: Final[Mapping[str, CodingAgent]] = {
    "com.anthropic.claude_code.events": _CLAUDE,
    "codex_otel.log_only": _CODEX,
    "gemini-cli": _gemini("gemini-cli", "gemini_cli", "role", always="user_always", versioned=False),
    "qwen-code": _gemini("qwen-code", "qwen-code", "subagent_name", always="unstated", versioned=True),
}
# What a model call is for where it is no turn of the agent.
SIDE_PURPOSES: Final = frozenset(
    {"generate_session_title", "compact", "utility_router", "managed-auto-memory-extractor"}
)
# Error types of a call that was not let through.
DENIED: Final = frozenset({"policy_violation", "execution_denied", "denied"})
