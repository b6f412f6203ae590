"""The facts read from one span: typed, from the allow-list only, not yet enforced."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SpanFacts:
    """The facts of a span; empty or None if the span does not state them. Without an `operation` it is no step.

    Strings are what the sender wrote: the identifiers and closed lists are enforced afterwards.
    """

    operation: str = ""
    # A framework's own word for what the span is, in the place of the operation.
    kind: str = ""
    role: str = "leaf"
    step_type: str = ""
    name: str = ""
    source: str = "genai"
    actor: str = ""
    error_type: str = ""
    failed: bool = False
    tool_name: str = ""
    model: str = ""
    response_model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    retrieval_count: int | None = None
    finish_reason: str = ""
    asked_for_tools: bool = False
    stream: bool | None = None
    output_type: str = ""
    attempt: int | None = None
    # What the sender calls the call, on every span and record of it.
    call_id: str = ""
    # Of a guardrail: its name, what it did, whether it masked something, and on what it looks (input, output, tool).
    guardrail: str = ""
    outcome: str = ""
    masked: bool = False
    guards: str = ""
    # Whether a guardrail stopped what it guards.
    tripped: bool | None = None
    # Of spans of coding agents: whether the call ended well, what was decided about it, whether a server has the tool.
    succeeded: bool | None = None
    decision: str = ""
    decided_by: str = ""
    # Whether the span ends when the call has begun, so that nothing tells how it ended.
    is_begun: bool = False
    registered: str = ""
    # Set on one try of a model call that another span tells as a whole.
    request_attempt: int | None = None
    conversation_id: str = ""
    # Stamps of our own instrumentation, which any span may carry.
    run_id: str = ""
    parent_run_id: str = ""
    run_status: str = ""
    step_id: str = ""
    decision_id: str = ""
    seq: int = 0
    agent_id: str = ""
    agent_version: str = ""
    environment: str = ""
    # Values of `agenttrace.metadata.<key>` by key, unchecked.
    metadata: dict[str, object] | None = None
    # Rules that values broke, each with the attribute's key: one of the tables, never a sender's own.
    not_understood: set[tuple[str, str]] | None = None

    def note(self, rule: str, key: str) -> None:
        """Notes that the value under this attribute key breaks this rule."""
        if self.not_understood is None:
            self.not_understood = set()
        self.not_understood.add((rule, key))
