"""Confirms names of tools by other calls of the same agent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from agenttrace_collector.settle.model import RunRows
from agenttrace_schemas import names
from agenttrace_schemas.rows import StepRow

# The tenant and agent that a name is of.
Owner: TypeAlias = tuple[str, str]


def owners_of_unconfirmed(runs: Iterable[RunRows]) -> set[Owner]:
    """Returns the agents that called tools with unconfirmed names that have digits."""
    return {
        (step.tenant, step.agent_id) for run in runs for step in run.steps if names.digits_of(step.tool_name)
    }


def by_digits(key: bytes, tools: Iterable[tuple[str, str, str]]) -> dict[tuple[Owner, str], str]:
    """Confirmed names by their owner and digits; of (tenant, agent, name)."""
    return {
        ((tenant, agent), names.digits_of(name) or names.digits(key, name)): name
        for tenant, agent, name in tools
    }


def with_confirmed_names(run: RunRows, key: bytes, confirmed: Mapping[tuple[Owner, str], str]) -> RunRows:
    """Returns the run with each unconfirmed name that another call confirms.

    Another call of the run does, whoever reports it: client and server of one call are two services.
    """
    unconfirmed = {digits for step in run.steps if (digits := names.digits_of(step.tool_name))}
    if not unconfirmed:
        return run
    ran = {step.tool_name for step in run.steps if step.tool_name and not names.digits_of(step.tool_name)}
    inside = {names.digits(key, name): name for name in ran if names.is_identity(name)}
    return replace(run, steps=[_named(step, inside, confirmed) for step in run.steps])


def _named(step: StepRow, inside: Mapping[str, str], confirmed: Mapping[tuple[Owner, str], str]) -> StepRow:
    digits = names.digits_of(step.tool_name)
    name = inside.get(digits) or confirmed.get(((step.tenant, step.agent_id), digits))
    if name is None:
        return step
    return replace(step, tool_name=name, name=name if step.name == step.tool_name else step.name)
