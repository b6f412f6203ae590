"""Runs as a list, and one run as a timeline with what was decided, observed and failed on it."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request

from agenttrace_collector.api.models.run import Details
from agenttrace_collector.api.params import MOST_PAGES, allowed_in, one_of
from agenttrace_collector.api.problems import InvalidField
from agenttrace_collector.api.routes.runs import get_details
from agenttrace_collector.query.filters import STATUSES
from agenttrace_collector.query.formatting import decimal
from agenttrace_collector.web.deps import current_reader, filters

_ON_A_PAGE: Final = 50
_KINDS: Final = {"decision": "decision_type", "signal": "signal_type", "failure": "failure_type"}


async def listed(request: Request) -> tuple[str, dict[str, Any]]:
    """The latest runs, or those in which something stands: `?decision=tool_selection:fresh_data_required`."""
    who, chosen = current_reader(request), filters(request)
    status = one_of("status", request.query_params.get("status") or None, STATUSES)
    page = _page(request.query_params.get("page", "1"))
    where = {kind: request.query_params[kind] for kind in _KINDS if request.query_params.get(kind)}
    bound = chosen.bound(status=status, limit=_ON_A_PAGE, offset=(page - 1) * _ON_A_PAGE)
    for kind, value in where.items():
        bound[_KINDS[kind]], _, bound["code"] = value.partition(":")
    name = "runs_with" if where else "runs"
    rows, agents = await asyncio.gather(who.records(name, bound), who.records("agents", bound))
    total = rows[0]["total"] if rows else 0
    more = {"status": status, **where}
    return "runs.html", {
        "title": "Runs",
        "agents": agents,
        "runs": rows,
        "total": total,
        "status": status,
        "where": where,
        "extra": more,
        "statuses": STATUSES,
        "page": page,
        "pages": max(1, -(-total // _ON_A_PAGE)),
        "csv": chosen.link(
            f"/csv/{name}", **{key: value for key, value in bound.items() if key in _OWN and value}
        ),
    }


_OWN: Final = ("status", "decision_type", "signal_type", "failure_type", "code")


def _page(text: str) -> int:
    return min(MOST_PAGES, max(1, int(text))) if text.isascii() and text.isdigit() and len(text) < 8 else 1


async def one(request: Request) -> tuple[str, dict[str, Any]]:
    """What happened in one run."""
    who, chosen = current_reader(request), filters(request)
    try:
        run_id = UUID(request.path_params["run_id"])
    except ValueError:
        raise InvalidField([allowed_in("run_id", "uuid_parsing")]) from None
    details, agents = await asyncio.gather(get_details(who, run_id), who.records("agents", chosen.bound()))
    return "run.html", {"title": "Run", "agents": agents, "found": details, "lines": _lines(details)}


def _lines(details: Details) -> list[dict[str, Any]]:
    """Each step with its place on the run's time in percent, and what belongs to it."""
    run = details.run
    whole = max((run.ended_at - run.started_at).total_seconds(), 1e-9)
    events = _events(details)
    decided = {each.decision_id: f"{each.decision_type}: {each.selected}" for each in details.decisions}
    lines = []
    for step in details.steps:
        begin = (step.started_at - run.started_at).total_seconds() / whole
        length = step.latency_ms / 1000 / whole
        place = min(99.0, max(0.0, 100 * begin))
        lines.append(
            {
                "step": step,
                "carries_out": decided.get(step.decision_id)
                if step.decision_id and step.role != "wrapper"
                else None,
                "begin": round(place, 2),
                "length": round(min(100 - place, max(0.6, 100 * length)), 2),
                "events": events.pop(step.step_id, []),
            }
        )
    rest = [event for each in events.values() for event in each]
    return [*lines, *([{"step": None, "events": rest}] if rest else [])]


def _events(details: Details) -> dict[Any, list[dict[str, Any]]]:
    """What was decided, observed and failed, by step, in the order of time."""
    found: list[tuple[Any, Any, dict[str, Any]]] = []
    for decision in details.decisions:
        text = f"{decision.decision_type}: {decision.selected}, reason {decision.reason_code}"
        if decision.confidence is not None:
            text += f", confidence {decision.confidence:.2f}"
        if decision.tool_name:
            text += f", tool {decision.tool_name}"
        if decision.wait_ms is not None:
            text += f", waited {decision.wait_ms:,} ms"
        found.append((decision.recorded_at, decision.step_id, _event("decided", text, decision.rule)))
    for each in details.evaluations:
        parts = (
            each.name,
            decimal(each.score) if each.score is not None else "",
            each.label,
            each.error_type,
        )
        text = " ".join(filter(None, parts))
        found.append((each.recorded_at, each.step_id, _event("evaluated", text, "")))
    for signal in details.quality_signals:
        text = f"{signal.signal_type} {signal.signal_code} = {str(signal.value).lower()}"
        found.append((signal.recorded_at, signal.step_id, _event("observed", text, signal.rule)))
    for said in details.outcomes:
        text = " ".join(filter(None, (said.status, said.failure_type, said.failure_code)))
        found.append((said.recorded_at, None, _event("outcome", text, "")))
    for failure in details.failures:
        text = f"{failure.failure_type} {failure.failure_code}"
        found.append((failure.occurred_at, failure.step_id, _event("failed", text, failure.rule)))
    placed: dict[Any, list[dict[str, Any]]] = {}
    for _, step, event in sorted(found, key=lambda each: each[0]):
        placed.setdefault(step, []).append(event)
    return placed


def _event(verb: str, text: str, rule: str) -> dict[str, Any]:
    return {"verb": verb, "text": text, "rule": rule}
