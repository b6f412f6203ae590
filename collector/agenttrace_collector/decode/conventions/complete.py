"""Derives role, step type, name and bare error type from the facts of a span's attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.decode.conventions import frameworks, genai, openinference, openllmetry
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_schemas.column_types import Guard

MODEL_CALLS: Final = frozenset({"chat", "text_completion", "generate_content"})
ROLES: Final[Mapping[str, str]] = {
    "invoke_agent": "agent",
    "invoke_workflow": "agent",
    "chain": "wrapper",
    "task": "wrapper",
}
_UNKNOWN: Final = ("", "other")
# Kinds whose spans a framework names for what they do, in one word.
_NAMED_SPANS: Final = ("retrieval", "chain")
KIND_KEYS: Final = (openinference.KIND, openllmetry.KIND)
STEP_TYPES: Final[Mapping[str, str]] = {
    "plan": "plan",
    "execute_tool": "tool",
    "retrieval": "retrieve",
    "rerank": "retrieve",
}
# Tools by which one agent gives the floor to another.
HANDOFF_TOOLS: Final = frozenset({"handoff", "handoff_to_agent", "transfer_to_agent"})
HANDOFF_PREFIX: Final = "transfer_to_"
TOOL_SPANS: Final = ("execute_tool ", "tools/call ", "MCP send tools/call ")
HANDOFF: Final = "handoff"
HANDOFF_SPAN: Final = "handoff to "
_ERROR: Final = Status.StatusCode.STATUS_CODE_ERROR


def complete(facts: SpanFacts, span: Span, scope: str) -> SpanFacts:
    """Fills in the derived facts; returns the same object."""
    if facts.kind:
        _read_kind(facts, span.name)
        if not facts.operation:
            return facts
    elif not facts.operation and not _read_name(facts, span.name, scope) and not _answered(facts):
        return facts
    if _is_unknown(facts) and _is_model_call(facts):
        facts.operation = "chat"
    if facts.source == "openinference":
        _read_openinference_name(facts, span.name, scope)
    if facts.run_id or facts.agent_id:
        facts.source = "agenttrace"
    if facts.error_type:
        facts.error_type = facts.error_type.rpartition(".")[2].removeprefix(frameworks.ERROR_PREFIX)
    _complete_call(facts, span)
    facts.role = _role(facts, scope)
    facts.step_type = facts.step_type or STEP_TYPES.get(facts.operation, "other")
    if not facts.name:
        facts.name = (
            (facts.actor if facts.role == "agent" else "") or facts.tool_name or facts.model or facts.actor
        )
    return facts


def _complete_call(facts: SpanFacts, span: Span) -> None:
    operation = facts.operation
    if operation in MODEL_CALLS:
        _complete_model_call(facts, span)
    elif operation == "execute_tool":
        _complete_tool(facts, span.name)
    elif operation == "guardrail":
        _complete_guardrail(facts)


def _read_kind(facts: SpanFacts, name: str) -> None:
    """A framework's own word wins; a wrapper that names tokens is the model call that it wraps."""
    kind = facts.kind
    if kind == frameworks.MODEL_SPAN:
        kind = "chat" if facts.model else "chain"
    elif kind == "chain" and _is_model_call(facts):
        kind = "chat"
    facts.operation = "" if kind == frameworks.NO_STEP else kind
    if kind == "chat":
        # Named for the class that calls it: the model says more, where it is named.
        facts.name = name if facts.is_begun else ""
    elif kind in _NAMED_SPANS and not facts.name and " " not in name and name != kind:
        facts.name = name
    elif kind == "execute_tool" and not facts.tool_name and " " not in name and "." not in name:
        # Laminar names the span for the class of what the tool does.
        facts.tool_name = facts.name or name


def _is_unknown(facts: SpanFacts) -> bool:
    """Whether no convention knows what the span says it does."""
    if facts.operation in _UNKNOWN:
        return True
    notes = facts.not_understood or ()
    return facts.operation == "chain" and any((Guard.CLOSED, key) in notes for key in KIND_KEYS)


def _is_model_call(facts: SpanFacts) -> bool:
    """Whether a span whose operation nobody knows names a model and its tokens."""
    tokens = facts.input_tokens is not None or facts.output_tokens is not None
    return tokens and bool(facts.model or facts.response_model)


def _answered(facts: SpanFacts) -> bool:
    """Whether a span without any operation names a model and the tokens of its answer."""
    return facts.output_tokens is not None and _is_model_call(facts)


def _role(facts: SpanFacts, scope: str) -> str:
    is_answer = facts.tool_name and facts.tool_name in frameworks.ANSWER_TOOLS.get(scope, ())
    if facts.request_attempt is not None or is_answer or facts.decision:
        return "wrapper"
    return ROLES.get(facts.operation, "leaf")


def _complete_model_call(facts: SpanFacts, span: Span) -> None:
    """A tool named on a model call is one that the answer asks for."""
    if facts.tool_name:
        facts.asked_for_tools, facts.tool_name = True, ""
    if facts.asked_for_tools and facts.finish_reason in ("", "stop"):
        facts.finish_reason = "tool_calls"
    facts.failed = facts.failed or facts.finish_reason == "error"
    if facts.step_type:
        return
    if facts.failed or span.status.code == _ERROR:
        facts.step_type = "other"
    else:
        facts.step_type = "plan" if facts.finish_reason == "tool_calls" else "respond"
    if facts.request_attempt is not None:
        facts.attempt, facts.step_type = facts.request_attempt, "other"


def _complete_tool(facts: SpanFacts, name: str) -> None:
    if not facts.tool_name and name.startswith(TOOL_SPANS):
        facts.tool_name = name.rpartition(" ")[2]
    elif not facts.tool_name and facts.source == "openllmetry":
        facts.tool_name = facts.name
    tool = facts.tool_name
    is_named = name.startswith(HANDOFF_SPAN)
    if tool in HANDOFF_TOOLS or tool.startswith(HANDOFF_PREFIX) or is_named:
        facts.operation, facts.name = HANDOFF, facts.name or HANDOFF
    if is_named:
        facts.tool_name = ""


def _complete_guardrail(facts: SpanFacts) -> None:
    """A guardrail that some instrumentations name under the key of a tool; one that tripped is in error."""
    facts.name, facts.tool_name = facts.name or facts.tool_name, ""
    if facts.tripped:
        facts.failed, facts.error_type = True, facts.error_type or frameworks.TRIPPED


def _read_name(facts: SpanFacts, name: str, scope: str) -> bool:
    """Some spans have no attribute that tells the operation; those of a known scope are named by it."""
    known = genai.NAMED_SPANS.get(scope)
    if known is None:
        return False
    word, _, rest = name.partition(" ")
    operation, fact = known.get(word, ("", ""))
    facts.operation = operation
    if fact and rest and " " not in rest and not getattr(facts, fact):
        setattr(facts, fact, rest.strip("[]"))
    return bool(operation)


def _read_openinference_name(facts: SpanFacts, name: str, scope: str) -> None:
    if scope in openinference.METHOD_SCOPES:
        name, _, method = name.partition(".")
        facts.operation = openinference.METHODS.get(method, facts.operation)
        if method in openinference.STREAMING_METHODS:
            facts.stream = True
    fact = openinference.NAMED_FOR.get(facts.operation, "")
    if fact and not getattr(facts, fact) and " " not in name and name != facts.operation:
        setattr(facts, fact, name.removesuffix(openinference.AGENT_SUFFIX))
