"""The run of a context that crosses a process: its id and its parent's in W3C baggage, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast
from uuid import UUID

from opentelemetry.baggage import get_baggage, set_baggage
from opentelemetry.context import Context

from agenttrace.scope import RunScope
from agenttrace_schemas import wire

# OpenTelemetry's own key of baggage: most contexts have none.
(_BAGGAGE,) = set_baggage(wire.BAGGAGE_RUN, "", Context())


class RemoteRun(NamedTuple):
    """The run that another process was in, and that run's parent if it has one."""

    run_id: str
    parent_id: str | None


def baggage_of(run: RunScope, context: Context) -> Mapping[str, object]:
    """The entry of a context by which a run stands in its baggage, beside what the context has there."""
    parent = run.stamps.get(wire.PARENT_RUN_ID)
    said = f"{run.run_id}/{parent}" if parent else run.run_id
    others = cast("Mapping[str, object]", context.get(_BAGGAGE) or {})
    return {_BAGGAGE: {**others, wire.BAGGAGE_RUN: said}}


def propagated_run(context: Context) -> RemoteRun | None:
    """The run in the baggage of a context; None where there is none, or something else than UUIDs."""
    stated = get_baggage(wire.BAGGAGE_RUN, context) if _BAGGAGE in context else None
    if not isinstance(stated, str):
        return None
    run_id, _, parent_id = stated.partition("/")
    try:
        return RemoteRun(str(UUID(run_id)), str(UUID(parent_id)) if parent_id else None)
    except ValueError:
        return None
