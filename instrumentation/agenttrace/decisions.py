"""The block of a decision: the steps that start in it directly carry the decision out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Final, NamedTuple, Self, cast

from opentelemetry.context import _RUNTIME_CONTEXT, Context, attach, create_key, get_current, set_value
from opentelemetry.trace import Span, get_current_span

from agenttrace.guard import guarded
from agenttrace_schemas import wire

_DECIDED: Final = create_key("agenttrace-decided")


class _Decided(NamedTuple):
    """A decision, and the span in whose children it is carried out."""

    decision_id: str
    span: Span


class DecisionBlock:
    """A recorded decision; in its `with` block steps are linked with it."""

    def __init__(self, decision_id: str | None, place: Callable[[], Context | None]) -> None:
        self._id = decision_id
        self._place = place
        self._token: Token[Context] | None = None

    @property
    def id(self) -> str | None:
        """The decision's id, a UUID; None where the decision was refused."""
        return self._id

    def __repr__(self) -> str:
        return f"<DecisionBlock {self._id}>"

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    @guarded
    def _open(self) -> None:
        if self._id is not None:
            here = get_current()
            decided = _Decided(self._id, get_current_span(self._place() or here))
            self._token = attach(set_value(_DECIDED, decided, here))

    @guarded
    def _close(self) -> None:
        token, self._token = self._token, None
        if token is not None:
            try:
                _RUNTIME_CONTEXT.detach(token)
            except ValueError:  # a copy of the context: it ends with the task that has it
                return


def decided_in(context: Context) -> Mapping[str, str]:
    """What a span that starts in this context says of the decision that it carries out; empty where there is none."""
    decided = cast("_Decided | None", context.get(_DECIDED))
    if decided is None or decided.span is not get_current_span(context):
        return {}
    return {wire.STEP_DECISION_ID: decided.decision_id}
