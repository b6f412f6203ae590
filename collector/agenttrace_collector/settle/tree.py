"""Builds the tree of a run's steps and finds the calls among them, without wrappers and duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agenttrace_collector.settle.model import (
    AGENT,
    EMBEDDING,
    KINDS,
    MODEL,
    OTHER,
    RETRIEVAL,
    TOOL,
    WRAPPER,
    Node,
    RunRows,
    SpanKey,
)
from agenttrace_collector.settle.same_call import merge_calls, take_over
from agenttrace_schemas.names import is_identity
from agenttrace_schemas.rows import StepRow


def build(rows: RunRows) -> list[Node]:
    """The nodes of a run, earliest first and parents before children."""
    nodes = {_key(step): Node(step, _kind(step)) for step in rows.steps}
    parents = {(link.trace_id, link.span_id): (link.trace_id, link.parent_span_id) for link in rows.links}
    above: dict[SpanKey, SpanKey] = {}
    for node in nodes.values():
        node.parent = _nearest(node.step, nodes, parents, above)
    for node in nodes.values():
        _measure(node)
    ordered = sorted(nodes.values(), key=lambda node: (node.step.started_at, node.depth, _key(node.step)))
    by_depth = sorted(ordered, key=lambda node: node.depth)
    for node in by_depth:
        _place(node)
    for node in ordered:
        if node.parent is not None and node.parent.kind == OTHER:
            # What is no kind of its own and holds others is a wrapper.
            node.parent.leaf = False
    for node in reversed(by_depth):
        _merge_outer(node)
    merge_calls(ordered)
    return ordered


def _key(step: StepRow) -> SpanKey:
    return step.trace_id, step.span_id


def _kind(step: StepRow) -> str:
    """A failed try of a model call that another span tells as a whole is a wrapper of nothing."""
    if step.role == "agent":
        return AGENT
    return WRAPPER if step.role == "wrapper" else KINDS.get(step.operation, OTHER)


def _nearest(
    step: StepRow,
    nodes: Mapping[SpanKey, Node],
    parents: Mapping[SpanKey, SpanKey],
    above: dict[SpanKey, SpanKey],
) -> Node | None:
    """The step above, through spans that are none; a parent that never came counts as none.

    `above` remembers where a way through such spans led, so that each of them is passed once.
    """
    key, passed = (step.trace_id, step.parent_span_id), set[SpanKey]()
    while key not in nodes and key not in passed and key in parents:
        passed.add(key)
        key = above.get(key) or parents[key]
    above.update(dict.fromkeys(passed, key))
    found = nodes.get(key)
    return None if found is None or found.step is step else found


def _measure(node: Node) -> None:
    """How many steps stand above; spans in a ring of parents have none, whichever is seen first."""
    way: list[Node] = []
    seen: set[int] = set()
    at: Node | None = node
    while at is not None and at.depth < 0 and id(at) not in seen:
        seen.add(id(at))
        way.append(at)
        at = at.parent
    if at is not None and at.depth < 0:
        ring = way[way.index(at) :]
        del way[-len(ring) :]
        for each in ring:
            each.parent, each.depth = None, 0
    depth = -1 if at is None else at.depth
    for number, each in enumerate(reversed(way), start=1):
        each.depth = depth + number


def _place(node: Node) -> None:
    """Scope, and the outer view of the same call if there is one."""
    above = node.parent
    node.above = above.above if above is not None and above.kind in (WRAPPER, OTHER) else above
    outer, view = node.above, None
    while outer is not None and outer.kind not in (AGENT, TOOL):
        if _is_try(node.step) and outer.kind == MODEL:
            outer.tries.append(node)
            return
        if _same_call(outer, node):
            view, outer = outer, outer.scope
            break
        outer = outer.above
    node.scope = outer
    if outer is not None and _same_call(outer, node):
        view, node.scope = outer, outer.scope
    if node.scope is not None:
        node.caller = node.scope.step.actor or node.scope.caller
    if view is not None:
        view.inner.append(node)
    node.leaf = node.kind not in (AGENT, WRAPPER)
    node.failed = node.caller_failed = node.step.status == "error"
    node.step_type = node.step.step_type


def _is_try(step: StepRow) -> bool:
    return step.role == "wrapper" and step.operation == "chat" and step.attempt is not None


def _same_call(outer: Node, inner: Node) -> bool:
    if outer.kind == RETRIEVAL and inner.kind == EMBEDDING:
        return True
    if outer.kind != inner.kind or outer.kind in (AGENT, WRAPPER, OTHER):
        return False
    return outer.kind != TOOL or _same_tool(outer.step, inner.step)


def _same_tool(outer: StepRow, inner: StepRow) -> bool:
    """A tool that is not named may be any, one whose name was not kept is none that we could tell."""
    if outer.tool_name == inner.tool_name:
        return is_identity(outer.tool_name)
    return not (outer.tool_name and inner.tool_name)


def _merge_outer(node: Node) -> None:
    """Children first: what an embedding is for its retrieval; else the inner call counts, with its facts."""
    within = node.inner = _leaves(node)
    if node.kind == RETRIEVAL:
        for inner in within:
            if inner.kind == EMBEDDING:
                inner.leaf = False
        within = [inner for inner in within if inner.kind == RETRIEVAL]
    if not within or not node.leaf:
        return
    node.leaf = False
    if len(within) == 1:
        take_over(within[0], node)
    for inner in within:
        inner.caller_failed = node.caller_failed


def _leaves(node: Node) -> list[Node]:
    """The calls seen from within; children came first, so that theirs are all found already."""
    found = (leaf for inner in node.inner for leaf in ((inner,) if inner.leaf else inner.inner))
    return [leaf for leaf in found if leaf.leaf]


def calls(nodes: Iterable[Node]) -> list[Node]:
    """The calls of a run in their order."""
    return [node for node in nodes if node.leaf]
