"""A step's tool is named where the step or an earlier one shows that it ran; the exporters hold foreign spans to it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import StatusCode

from agenttrace.rebuild import rebuilt_span
from agenttrace.testing import capture
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy


def said(span: ReadableSpan) -> str:
    """All that a span says."""
    return f"{span.name} {dict(span.attributes or {})}"


def call(name: str, error_type: str | None) -> ReadableSpan:
    """The span of a step that calls a tool and fails so."""
    with capture() as captured:
        with captured.tracer().start_run() as run, run.step("tool", name) as step:
            if error_type is not None:
                step.set_error(error_type)
        (found,) = (span for span in captured.spans if (span.attributes or {}).get(wire.STEP_TYPE) == "tool")
    return found


def test_a_name_that_nothing_confirms_leaves_the_process_nowhere() -> None:
    """Not even when the agent says that there is no such tool."""
    name = f"made_up_{uuid4().hex}"
    for error_type in ("failed", "tool_not_found"):
        assert name not in said(call(name, error_type))
    assert "_unconfirmed" in said(call(name, "failed"))
    assert "_unknown_tool" in said(call(name, "tool_not_found"))


def test_a_tool_that_ran_keeps_its_name() -> None:
    """A success and an exception show it, and so does an earlier call of this process."""
    name = f"search_{uuid4().hex}"
    assert name in said(call(name, "ConnectionError"))
    assert name in said(call(name, None))
    assert name in said(call(name, "failed"))


@pytest.mark.parametrize("key", [wire.GEN_AI_TOOL_NAME, "tool.name", "traceloop.entity.name", None])
@pytest.mark.parametrize(("error", "shown"), [(True, False), (False, True)])
def test_foreign_spans_leave_without_it(key: str | None, error: bool, shown: bool) -> None:  # noqa: FBT001
    """In any attribute that names a tool, and in the name of the span."""
    name = f"made_up_{uuid4().hex}"
    tracer = TracerProvider().get_tracer("t")
    with tracer.start_as_current_span(f"execute_tool {name}") as span:
        span.set_attribute(wire.GEN_AI_OPERATION_NAME, "execute_tool")
        if key:
            span.set_attribute(key, name)
        if error:
            span.set_status(StatusCode.ERROR)
    assert isinstance(span, ReadableSpan)
    assert (name in said(rebuilt_span(span, Policy()))) == shown
