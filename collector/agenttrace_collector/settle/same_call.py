"""One call that several spans or records tell without one standing in the other: merged by its id, else by its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from agenttrace_collector.settle.model import AGENT, CODING_AGENT, MODEL, TOOL, Node
from agenttrace_schemas.names import digits_of, is_identity, shows_execution

# What an outer span of a call may know that the inner one does not.
SHARED: Final = (
    "tool_name",
    "name",
    "model",
    "response_model",
    "actor",
    "input_tokens",
    "output_tokens",
    "retrieval_count",
    "finish_reason",
    "stream",
    "output_type",
    "conversation_id",
    "decision_id",
    "call_id",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_nano_usd",
)
_NOTHING: Final = ("", None)
# Clocks of one host, and log records that round to milliseconds.
TOLERANCE: Final = 5 * 10**6


def merge_calls(nodes: Sequence[Node]) -> None:
    """Let the innermost view of a call count, with what the others know."""
    by_id: defaultdict[tuple[str, object], list[Node]] = defaultdict(list)
    failed: defaultdict[object, list[Node]] = defaultdict(list)
    for node in nodes:
        if not node.leaf or node.kind not in (MODEL, TOOL):
            continue
        of_agent = node.step.source == CODING_AGENT
        if node.step.call_id is not None:
            by_id[node.kind, node.step.call_id].append(node)
        if node.kind == MODEL and node.failed and (of_agent or node.step.call_id is None):
            # A call that failed has no id of its answer; a log record has no place in the tree.
            failed[None if of_agent else (id(node.parent), node.fact("model"))].append(node)
    for views in by_id.values():
        _merge(views)
    for key, views in failed.items():
        if key is None or views[0].parent is not None:
            _merge([view for view in views if view.leaf])


def _merge(views: list[Node]) -> None:
    """Longest first: each is merged into a shorter one within it."""
    waiting = sorted(views, key=_rank)
    while len(waiting) > 1:
        outer = waiting.pop(0)
        inner = next((each for each in reversed(waiting) if _are_one(outer, each)), None)
        if inner is not None:
            outer.leaf = False
            inner.inner += [outer, *outer.inner]
            take_over(inner, outer)
            if is_record(inner):
                # The span knows the place, and the name of the tool on its server.
                inner.parent, inner.above, inner.scope = outer.parent, outer.above, outer.scope
                inner.depth, inner.caller = outer.depth, outer.caller
                named = str(outer.fact("tool_name"))
                if inner.kind == TOOL and named and is_identity(named) and not digits_of(named):
                    inner.facts["tool_name"] = inner.facts["name"] = named


def _rank(node: Node) -> tuple[int, float, bytes]:
    """Records of a coding agent's log come last: decisions name them by their ids."""
    return is_record(node), -node.step.latency_ms, node.step.step_id


def is_record(node: Node) -> bool:
    """Whether a log record of a coding agent tells the step: it has no place in the tree."""
    return node.step.source == CODING_AGENT and node.step.parent_span_id == 0 and node.kind != AGENT


def _are_one(outer: Node, inner: Node) -> bool:
    """Whether one lies in the time of the other; calls of different tools or of one log are two."""
    ids = {outer.step.call_id, inner.step.call_id} - {None}
    if len(ids) > 1 or (is_record(outer) and is_record(inner)):
        return False
    if outer.kind == TOOL and outer.step.tool_name and inner.step.tool_name:
        same = outer.fact("tool_name") == inner.fact("tool_name")
        if not same and not is_record(inner):
            return False
    first, second = outer.step, inner.step
    if is_record(inner) and ids:
        return True
    return first.started_at <= second.started_at + TOLERANCE and second.ended_at <= first.ended_at + TOLERANCE


def take_over(inner: Node, outer: Node) -> None:
    """Give a call what another span or record of it knows and it does not."""
    for name in SHARED:
        found = outer.fact(name)
        if found not in _NOTHING and inner.fact(name) in _NOTHING:
            inner.facts[name] = found
    if outer.failed and not inner.failed:
        inner.failed = True
        inner.facts["error_type"], inner.facts["status"] = outer.fact("error_type"), "error"
    elif outer.failed and inner.failed and _names_exception(outer) and not _names_exception(inner):
        inner.facts["error_type"] = outer.fact("error_type")
    inner.tries += outer.tries


def _names_exception(node: Node) -> bool:
    """Whether the error is the class of an exception, which says more than a provider's word for it."""
    return shows_execution(str(node.fact("error_type")))
