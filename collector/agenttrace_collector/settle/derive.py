"""Which derivations apply to the calls of a run: the conditions of the table in `derivation.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from agenttrace_collector.settle.failure_codes import RATE_LIMITED, TRANSIENT, failure_code, tool_failure_rule
from agenttrace_collector.settle.model import (
    AGENT,
    CODING_AGENT,
    MODEL,
    RERANK,
    RETRIEVAL,
    TOOL,
    Node,
    Thresholds,
)
from agenttrace_schemas.names import is_identity, shows_execution

Found = Iterator[tuple[Node, str]]


def derive(nodes: Sequence[Node], steps: Sequence[Node], thresholds: Thresholds) -> Found:
    """Pairs of step and rule."""
    for node in steps:
        for condition in _CONDITIONS.get(node.kind, ()):
            yield from condition(node)
        yield from _thresholds(node, thresholds)
        yield from _fallback(node)
    yield from _reranks(steps)
    yield from _parallel(nodes)
    for node in nodes:
        if node.denied:
            yield node, "approval.denied"


def _tool(node: Node) -> Found:
    if _was_let_through(node):
        yield node, "approval.allowed"
    if node.failed:
        yield node, tool_failure_rule(str(node.fact("error_type")))
    elif node.previous is not None or node.attempt > 1:
        yield node, "tool.after_retry"
    elif not _fell_back(node):
        yield node, "tool.first_attempt"


def _was_let_through(node: Node) -> bool:
    """Whether the outcome of a coding agent's call shows that it ran; where somebody stated it, that counts."""
    ran = not node.failed or shows_execution(str(node.fact("error_type")))
    return ran and node.step.source == CODING_AGENT


def _retrieval(node: Node) -> Found:
    if not node.failed and node.fact("retrieval_count") == 0:
        yield node, "retrieve.no_results"


def _attempted(node: Node) -> Found:
    if node.failed and node.attempt > 1 and node.next_attempt is None:
        yield node, "retry.max_reached"
        yield node, "retry.exhausted"
    elif node.attempt > 1:
        yield node, "retry.single" if node.attempt == _SECOND else "retry.multiple"
    failed = node.previous or (node.tries[-1] if node.tries else None)
    if failed is not None:
        code = failure_code(str(failed.fact("error_type")))
        if code == RATE_LIMITED:
            yield node, "retry.rate_limit"
        elif code in TRANSIENT:
            yield node, "retry.transient"


def _model(node: Node) -> Found:
    if node.fact("stream"):
        yield node, "response.streaming"
    if node.fact("output_type") == "json":
        yield node, "response.format"
    if node.fact("finish_reason") == "length":
        yield node, "response.length"
    failed = node.previous or (node.tries[-1] if node.tries else None)
    if failed is not None and not _same_model(failed, node):
        yield node, "path.fallback"


def _same_model(one: Node, other: Node) -> bool:
    """A provider may answer with a dated name of the model that was asked for."""
    names = sorted((str(one.fact("model")), str(other.fact("model"))))
    return names[1].startswith(names[0])


_SECOND: Final = 2
_CONDITIONS: Final[dict[str, tuple[Callable[[Node], Found], ...]]] = {
    TOOL: (_tool, _attempted),
    RETRIEVAL: (_retrieval, _attempted),
    MODEL: (_model, _attempted),
}


def _fell_back(node: Node) -> bool:
    return "fallback" in node.facts


def _fallback(node: Node) -> Found:
    if node.kind == TOOL and _fell_back(node):
        if not node.failed:
            yield node, "tool.fallback_used"
        yield node, "path.fallback"


def mark_fallbacks(steps: Sequence[Node]) -> None:
    """Note each tool that ran right after another that failed and was not tried again, models aside."""
    tools = [node for node in steps if node.kind == TOOL and node.step.source != CODING_AGENT]
    for before, node in pairwise(tools):
        other = _differ(str(before.fact("tool_name")), str(node.fact("tool_name")))
        after = before.scope is node.scope and before.step.ended_at <= node.step.started_at
        if before.failed and before.next_attempt is None and other and after:
            node.facts["fallback"] = True


def _differ(one: str, other: str) -> bool:
    """Whether two tools are known to be different ones."""
    return one != other and is_identity(one) and is_identity(other)


def _thresholds(node: Node, thresholds: Thresholds) -> Found:
    if node.kind in (MODEL, TOOL, RETRIEVAL, RERANK):
        latency = node.step.latency_ms
        if latency >= thresholds.latency_significantly_exceeded:
            yield node, "latency.significantly_exceeded"
        elif latency >= thresholds.latency_exceeded:
            yield node, "latency.exceeded"
    if node.kind == MODEL:
        yield from _tokens(node, thresholds)


def _tokens(node: Node, thresholds: Thresholds) -> Found:
    used = (node.fact("input_tokens"), node.fact("output_tokens"))
    total = sum(count for count in used if isinstance(count, int))
    if total >= thresholds.tokens_limit_approached:
        yield node, "tokens.limit_approached"
    elif total >= thresholds.tokens_high:
        yield node, "tokens.high"
    elif total >= thresholds.tokens_moderate:
        yield node, "tokens.moderate"


def _reranks(steps: Sequence[Node]) -> Found:
    retrieved = False
    for node in steps:
        if node.kind == RERANK and retrieved:
            yield node, "retrieve.rerank"
        retrieved = retrieved or node.kind == RETRIEVAL


def _truly_started(node: Node) -> int:
    """The latest time at which a step can have started: some clocks tell the start in whole milliseconds."""
    started = node.step.started_at
    return started if started % _MILLISECOND else started + _MILLISECOND


_MILLISECOND: Final = 10**6
_SIDE_BY_SIDE: Final = frozenset({AGENT, MODEL, TOOL, RETRIEVAL})


def _parallel(nodes: Sequence[Node]) -> Found:
    """Once for each group of siblings of one kind of which one starts before another ends: at the one that does."""
    siblings: defaultdict[tuple[Node | None, str], list[Node]] = defaultdict(list)
    for node in nodes:
        # Records of a log tell no parents: a tool that calls others is not beside them.
        told_by_log = node.step.source == CODING_AGENT
        if (node.leaf or node.kind == AGENT) and node.kind in _SIDE_BY_SIDE and not told_by_log:
            siblings[node.scope, node.kind].append(node)
    for members in siblings.values():
        ends = 0
        for node in members:
            if _truly_started(node) < ends:
                yield node, "path.parallel"
                break
            ends = max(ends, node.step.ended_at)
