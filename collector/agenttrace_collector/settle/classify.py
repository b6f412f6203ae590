"""Classifies calls by their neighbours: plan or answer, attempt, documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agenttrace_collector.settle.model import (
    AGENT,
    CODING_AGENT,
    HANDOFF,
    MODEL,
    RETRIEVAL,
    STATED,
    TOOL,
    WRAPPER,
    Node,
)
from agenttrace_schemas.names import is_identity

_ASKS = "tool_calls"
# So many answers before a tool are looked at.
LOOKED_AT: Final = 8


def classify(nodes: Sequence[Node], steps: Sequence[Node]) -> None:
    """Settle type, order and attempts of the calls among the nodes of a run."""
    for node in steps:
        _settle_type(node)
    truthful = any(node.kind == MODEL and node.fact("finish_reason") == _ASKS for node in steps)
    groups = _by_scope(nodes)
    for scope, members in groups.items():
        if not truthful:
            _plans_before_tools(members)
        elif scope is not None and _ended_by_itself(scope, groups.get(scope.scope, ())):
            _answers_by_output_tools(members)
    _answers_by_answer_tools(nodes, groups)
    for number, node in enumerate(steps, start=1):
        node.seq = node.step.seq or number
        _count_absent_documents(node)
    _attempts(steps)


def _settle_type(node: Node) -> None:
    if node.kind != MODEL or node.step.source in STATED:
        return
    if node.failed:
        node.step_type = "other"
    elif node.step_type in ("plan", "respond"):
        node.step_type = "plan" if node.fact("finish_reason") == _ASKS else "respond"
        # The answer of a call within a tool is the tool's, not the agent's.
        if node.step_type == "respond" and node.scope is not None and node.scope.kind == TOOL:
            node.step_type = "other"


def _by_scope(nodes: Iterable[Node]) -> dict[Node | None, list[Node]]:
    """Calls and agents by the agent or tool they stand in, in their order."""
    groups: defaultdict[Node | None, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.leaf or node.kind == AGENT:
            groups[node.scope].append(node)
    return groups


def _ended_by_itself(agent: Node, siblings: Sequence[Node]) -> bool:
    """Whether an agent ended well and gave the floor to no other."""
    if agent.kind != AGENT or agent.failed or agent.step.finish_reason == _ASKS:
        return False
    return not any(each.kind == AGENT and each.step.started_at >= agent.step.ended_at for each in siblings)


def _plans_before_tools(members: Sequence[Node]) -> None:
    """Where no answer of a run ever says that it asks for tools, the tools that follow tell."""
    answers = [node for node in members if node.kind == MODEL and node.step_type == "respond"]
    for tool in members:
        if tool.kind in (TOOL, HANDOFF) and (asking := _asking(tool, answers)) is not None:
            asking.step_type = "plan"


def _asking(tool: Node, answers: Sequence[Node]) -> Node | None:
    """The answer that asked for a tool: the last one before it, nearest to it in the tree."""
    # A coding agent starts a tool while the answer still streams; some run a tool within the call's span.
    ways = _ancestors(tool)
    before = [
        node
        for node in answers
        if node.step.ended_at <= tool.step.started_at
        or (node.step.source == CODING_AGENT and node.step.started_at <= tool.step.started_at)
        or id(node) in ways
    ]
    last = before[-LOOKED_AT:]
    return max(last, key=lambda node: (_common(ways, node), node.step.started_at), default=None)


def _ancestors(node: Node) -> dict[int, int]:
    """How deep each step above stands."""
    found: dict[int, int] = {}
    at = node.parent
    while at is not None and id(at) not in found:
        found[id(at)] = at.depth
        at = at.parent
    return found


def _common(ways: dict[int, int], node: Node) -> int:
    """How deep the first step above stands that is one of these; -1 for none, also within a ring of parents."""
    at: Node | None = node
    passed: set[int] = set()
    while at is not None and id(at) not in ways:
        if id(at) in passed:
            return -1
        passed.add(id(at))
        at = at.parent
    return -1 if at is None else ways[id(at)]


def _answers_by_output_tools(members: Sequence[Node]) -> None:
    """An agent that ended well, whose calls all ask for tools though none ran, answers through them."""
    models = [node for node in members if node.kind == MODEL]
    if len(models) != len(members) or any(node.step_type != "plan" for node in models):
        return
    if any(node.step.source in STATED for node in models):
        return
    for node in models:
        node.step_type = "other"
    if models:
        models[-1].step_type = "respond"


def _answers_by_answer_tools(nodes: Iterable[Node], groups: Mapping[Node | None, Sequence[Node]]) -> None:
    """A tool that is a framework's way to answer is a wrapper: the call that asked for it is the answer."""
    for tool in nodes:
        if tool.kind == WRAPPER and tool.step.operation == "execute_tool":
            models = [node for node in groups.get(tool.scope, ()) if node.kind == MODEL and not node.failed]
            if (asking := _asking(tool, models)) is not None:
                asking.step_type = "respond"


def _count_absent_documents(node: Node) -> None:
    """OpenInference lists documents one by one: none listed by a retrieval that ended well are none."""
    told_in_full = node.kind == RETRIEVAL and node.step.source == "openinference" and not node.failed
    if told_in_full and node.fact("retrieval_count") is None:
        node.facts["retrieval_count"] = 0


def _attempts(steps: Sequence[Node]) -> None:
    """An attempt follows a failed one of the same tool, retriever, or model call of the same agent."""
    latest: dict[tuple[object, ...], Node] = {}
    for node in steps:
        if node.kind not in (MODEL, TOOL, RETRIEVAL):
            continue
        # A person or a model has a coding agent call a tool again: that is no attempt of the first call.
        if node.kind == TOOL and node.step.source == CODING_AGENT:
            continue
        key = _attempt_key(node)
        before = latest.get(key)
        if before and before.failed and before.step.ended_at <= node.step.started_at:
            node.previous, before.next_attempt = before, node
            node.attempt = before.attempt + 1
        node.attempt = max(node.attempt, node.step.attempt or 1, len(node.tries) + 1)
        latest[key] = node
    for node in reversed(steps):
        after = node.next_attempt
        node.mended = after is not None and (after.mended or not after.failed)


_NAMED: Final = {TOOL: "tool_name", RETRIEVAL: "name"}


def _attempt_key(node: Node) -> tuple[object, ...]:
    if node.kind in _NAMED:
        name = str(node.fact(_NAMED[node.kind]))
        # A name that was not kept may be of another tool: its calls are no attempts of one.
        return (node.kind, name if is_identity(name) else id(node))
    return (MODEL, id(node.scope))
