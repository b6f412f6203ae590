"""The span that a framework's instrumentation is in where it does not make its spans current.

Nothing is imported here: what is not loaded by the application is not looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, get_current_span, set_span_in_context

from agenttrace.guard import tried

_LANGCHAIN_CONFIG: Final = "langchain_core.runnables.config"
# Instrumentations that say in which span they are, and their class that says whether they are in use.
_OPENINFERENCE: Final = "openinference"
_ASKED: Final = (
    (f"{_OPENINFERENCE}.instrumentation.langchain", "LangChainInstrumentor"),
    (f"{_OPENINFERENCE}.instrumentation.llama_index", "LlamaIndexInstrumentor"),
)
_MICROSECOND: Final = 1000


def innermost_context(context: Context) -> Context:
    """The context, in the innermost span that is open: its own or one of a framework."""
    if sys.modules.keys().isdisjoint(_WATCHED):
        return context
    current = get_current_span(context)
    innermost = current
    for span in _framework_spans():
        if span is not innermost and _is_open(span) and _is_inside(span, innermost):
            innermost = span
    return context if innermost is current else set_span_in_context(innermost, context)


def _framework_spans() -> Iterator[Span]:
    for find in _FINDERS:
        if (span := tried(find)) is not None:
            yield span


def _langchain() -> Span | None:
    """What a callback handler of LangChain or LangGraph holds for the run that is current."""
    module = sys.modules.get(_LANGCHAIN_CONFIG)
    if module is None:
        return None
    config = module.var_child_runnable_config.get() or {}
    manager: Any = config.get("callbacks")
    run_id = getattr(manager, "parent_run_id", None)
    if run_id is None:
        return None
    held = (_held_by(handler, run_id) for handler in manager.handlers)
    return next((span for span in held if span is not None), None)


def _held_by(handler: Any, run_id: object) -> Span | None:
    """OpenInference answers by run; OpenLLMetry keeps a table whose entries hold the span."""
    if hasattr(handler, "get_span"):
        return _as_span(handler.get_span(run_id))
    spans = getattr(handler, "spans", None)
    if not isinstance(spans, dict):
        return None
    entry = spans.get(run_id)
    return _as_span(getattr(entry, "span", entry))


def _asked(name: str, instrumentor: str) -> Callable[[], Span | None]:
    def find() -> Span | None:
        module = sys.modules.get(name)
        if module is None:
            return None
        made = getattr(module, instrumentor, None)
        # Asked without being in use, it prints to the application's terminal.
        if made is not None and not made().is_instrumented_by_opentelemetry:
            return None
        return _as_span(module.get_current_span())

    return find


_WATCHED: Final = frozenset({_LANGCHAIN_CONFIG, *(name for name, _ in _ASKED)})
_FINDERS: Final = (_langchain, *(_asked(*entry) for entry in _ASKED))


def _as_span(found: object) -> Span | None:
    return found if hasattr(found, "get_span_context") else None  # type: ignore[return-value]  # a proxy may be no Span


def _is_open(span: Span) -> bool:
    """Whether a span can still take an event; one that was left out by the sampler counts as open."""
    context = span.get_span_context()
    return context.is_valid and (span.is_recording() or not context.trace_flags.sampled)


def _is_inside(span: Span, other: Span) -> bool:
    """Whether a span is the inner one of two that are open at once: the one that started later."""
    if not other.get_span_context().is_valid or not _is_open(other):
        return True
    if _parent_id(other) == span.get_span_context().span_id:
        return False
    # LangChain knows the start of a run in microseconds.
    return _started(span) // _MICROSECOND >= _started(other) // _MICROSECOND


def _parent_id(span: Span) -> int | None:
    return getattr(getattr(span, "parent", None), "span_id", None)


def _started(span: Span) -> int:
    return getattr(span, "start_time", None) or 0
