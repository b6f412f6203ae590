"""What settling knows of coding agents: calls that were not let through, calls beside the turns, how a run ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from agenttrace_collector.decode.agent_facts import event_of, step_of
from agenttrace_collector.decode.conventions.agent_spans import SIDE_WRAPPERS, WAITS
from agenttrace_collector.decode.conventions.coding_agents import DENIED
from agenttrace_collector.settle.model import CODING_AGENT, DENIAL, MODEL, TOOL, WRAPPER, Node, RunRows
from agenttrace_collector.settle.same_call import is_record
from agenttrace_schemas.names import digits_of, is_identity, shows_execution
from agenttrace_schemas.rows import RunRow
from agenttrace_schemas.vocabulary import DecisionType, RunStatus

_OTHER: Final = "other"
_SPAN: Final = slice(0, 8)


def set_denied_apart(rows: RunRows, nodes: Sequence[Node]) -> None:
    """A call that was not let through is no step and no failure; where nobody stated it, it is derived.

    Neither is one of a coding agent that failed under a name that nothing confirms: it may never have run.
    """
    refused = {id(node.parent) for node in nodes if node.kind == WRAPPER and node.step.error_type in DENIED}
    for node in nodes:
        if node.kind != TOOL or not node.leaf:
            continue
        of_agent = node.step.source == CODING_AGENT
        stated = any((each, DENIAL) in rows.recorded.decisions for each in _ids(node))
        error = str(node.fact("error_type"))
        shown = of_agent and (error in DENIED or any(id(each) in refused for each in (node, *node.inner)))
        if stated or shown:
            node.leaf = node.failed = False
            node.denied = not stated
        elif of_agent and node.failed and not shows_execution(error) and _is_unconfirmed(node):
            node.leaf = False


def _ids(node: Node) -> set[bytes]:
    """The ids under which decisions may name a call: its step, and its log record."""
    step = node.step
    recorded = () if step.call_id is None else (step_of(step.run_id, step.call_id),)
    return {step.step_id, *recorded}


def set_waits(nodes: Sequence[Node]) -> None:
    """Note how long a person made calls wait, and which approval that was where a record states it."""
    waits = {id(each.parent): each for each in nodes if each.parent is not None and _is_wait(each)}
    for node in nodes if waits else ():
        wait = next((waits[id(each)] for each in _views(node) if id(each) in waits), None)
        if wait is not None and node.kind == TOOL:
            node.waited_ms = round(wait.step.latency_ms)
            call = node.step.call_id
            if call is not None:
                wait.facts["decision_id"] = event_of(step_of(node.step.run_id, call), DecisionType.APPROVAL)


def _views(node: Node) -> tuple[Node, ...]:
    """The spans that tell this call."""
    above = node.parent
    is_one = above is not None and above.kind == TOOL and above.step.call_id == node.step.call_id is not None
    return (node, *node.inner, *((above,) if above is not None and is_one else ()))


def _is_wait(node: Node) -> bool:
    return node.kind == WRAPPER and node.step.source == CODING_AGENT and node.step.name in WAITS


def _is_unconfirmed(node: Node) -> bool:
    name = str(node.fact("tool_name"))
    return bool(digits_of(name)) or not is_identity(name)


def set_side_calls(nodes: Sequence[Node]) -> set[int]:
    """Mark model calls that are no turn of the agent; gives the span ids of the runs that they are told by."""
    found: set[int] = set()
    for node in nodes:
        if node.kind == MODEL and node.leaf and (_is_told_aside(node) or _is_below_side(node)):
            node.step_type = _OTHER
            if node.step.call_id is not None:
                number = step_of(node.step.run_id, node.step.call_id)[_SPAN]
                found.add(int.from_bytes(number))
    return found


def _is_told_aside(node: Node) -> bool:
    return is_record(node) and node.step.step_type == _OTHER and not node.failed


def _is_below_side(node: Node) -> bool:
    above = node.parent
    while above is not None and above.kind in (WRAPPER, _OTHER):
        if above.step.name in SIDE_WRAPPERS and above.step.source == CODING_AGENT:
            return True
        above = above.parent
    return False


def last_told(candidates: Iterable[RunRow]) -> str:
    """How a coding agent's run ended, by its last call; two answers in a row were cut, not ended."""
    calls: dict[int, list[RunRow]] = {}
    for each in sorted(candidates, key=lambda each: (each.ended_at, each.span_id)):
        # A call that several told moves to where it was told last.
        calls[each.span_id] = [*calls.pop(each.span_id, []), each]
    told = [_status(views) for views in calls.values()]
    if not told:
        return str(RunStatus.UNKNOWN)
    twice = told[-2:] == [RunStatus.SUCCESS, RunStatus.SUCCESS]
    return str(RunStatus.UNKNOWN) if twice else told[-1]


def _status(views: Sequence[RunRow]) -> str:
    """A call that one of its records does not call a success is none."""
    told = {each.status for each in views}
    return next((each for each in (RunStatus.FAILURE, RunStatus.UNKNOWN) if each in told), RunStatus.SUCCESS)
