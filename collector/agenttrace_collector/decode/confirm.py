"""Names that a model may have made up: kept where the span shows that there is such a tool (rule `tool.confirmed`)."""

from __future__ import annotations

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions.coding_agents import SOURCE
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.read import key_of
from agenttrace_schemas import names

AGENT = "invoke_agent"


def confirm(facts: SpanFacts, span: Span, builder: BatchBuilder) -> tuple[str, ...]:
    """Replaces the names of tools that the span does not confirm, in `facts`; returns which facts it replaced."""
    failed = facts.failed or span.status.code == Status.StatusCode.STATUS_CODE_ERROR
    if not failed and not facts.error_type:
        return ()
    if facts.operation in names.OPERATIONS:
        return _confirm_tool(facts, span, builder)
    if facts.operation == AGENT and names.names_no_tool(facts.error_type):
        # An agent's name is configuration, but not that of one that there is not.
        facts.actor = facts.name = names.UNKNOWN_TOOL
        builder.changed(names.RULE, key_of(span.attributes, "actor"))
        return ("actor", "name")
    return ()


def _confirm_tool(facts: SpanFacts, span: Span, builder: BatchBuilder) -> tuple[str, ...]:
    if facts.registered and not names.names_no_tool(facts.error_type):
        return ()
    policy = builder.context.policy
    tools = policy.tools | names.PACKAGED if facts.source == SOURCE else policy.tools
    name = facts.tool_name or facts.name
    kept = names.tool_name(policy.site_key, name, failed=True, error_type=facts.error_type, tools=tools)
    if kept == name:
        return ()
    builder.changed(names.RULE, key_of(span.attributes, "tool_name"))
    # The step is named for its tool, under whichever key.
    facts.tool_name, facts.name = kept if facts.tool_name else "", kept
    return ("tool_name", "name")
