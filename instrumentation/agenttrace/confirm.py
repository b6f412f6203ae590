"""Names of tools that a model may have made up: kept where the record shows that the tool ran (rule `tool.confirmed`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span, StatusCode

from agenttrace_schemas import names, wire
from agenttrace_schemas.rules import Policy

_MOST_REMEMBERED: Final = 10_000
# What stands before the name of a tool in the names of spans.
_SPANS: Final = ("execute_tool ", "tools/call ", "MCP send tools/call ", "running tool ")
_TOOL_KEYS: Final = (wire.GEN_AI_TOOL_NAME, "tool.name")


class RanTools:
    """The tools that ran in this process, as many as are remembered: their failed calls keep their names."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def add(self, name: str) -> None:
        """This one ran."""
        # Without a lock, which a fork could leave held: adding to a set is one step.
        if len(self._names) < _MOST_REMEMBERED:
            self._names.add(name)

    def __contains__(self, name: str) -> bool:
        return name in self._names


RAN: Final = RanTools()


def confirm_step(span: Span, policy: Policy) -> None:
    """Take the name of a tool from its step, as that ends, unless the step or an earlier one shows that it ran."""
    if not isinstance(span, ReadableSpan):
        return
    attributes = span.attributes or {}
    name = str(attributes.get(wire.GEN_AI_TOOL_NAME, ""))
    kept = kept_name(name, span, policy)
    if kept != name:
        span.set_attributes({wire.GEN_AI_TOOL_NAME: kept, wire.STEP_NAME: kept})
        span.update_name(f"{_SPANS[0]}{kept}")
    else:
        RAN.add(name)


def kept_name(name: str, span: ReadableSpan, policy: Policy) -> str:
    """The name, or what stands for one that nothing confirms."""
    if name in RAN:
        return name
    failed = span.status.status_code is StatusCode.ERROR
    return names.tool_name(
        policy.site_key, name, failed=failed, error_type=_error_type(span), tools=policy.tools
    )


def confirmed_attributes(span: ReadableSpan, kept: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """The attributes that a span may leave with, without the name of a tool that nothing confirms."""
    name = next((found for key in _TOOL_KEYS if isinstance(found := kept.get(key), str)), "") or _named(span)
    shown = kept_name(name, span, policy)
    return (
        dict(kept)
        if shown == name
        else {key: shown if value == name else value for key, value in kept.items()}
    )


def confirmed_span_name(span: ReadableSpan, policy: Policy) -> str:
    """The span's name, with what stands for the name of a tool that nothing confirms."""
    name = _named(span)
    return span.name.removesuffix(name) + kept_name(name, span, policy) if name else span.name


def _named(span: ReadableSpan) -> str:
    """The tool that a span's name names."""
    return span.name.rpartition(" ")[2] if span.name.startswith(_SPANS) else ""


def _error_type(span: ReadableSpan) -> str:
    """The class or code of a span's error, without the module."""
    found = (span.attributes or {}).get(wire.ERROR_TYPE)
    if not found:
        events = (event for event in span.events if event.name == wire.EXCEPTION_EVENT)
        found = next(((event.attributes or {}).get(wire.EXCEPTION_TYPE) for event in events), "")
    return str(found or "").rpartition(".")[2]
