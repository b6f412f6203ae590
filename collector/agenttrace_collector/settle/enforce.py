"""Applies the current rules to stored rows: a site may have made them stricter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from agenttrace_collector.settle.model import RunRows
from agenttrace_schemas.column_types import Column, Guard
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.metadata import check_metadata
from agenttrace_schemas.patterns import HASH
from agenttrace_schemas.rows import Row, RunRow, StepRow, columns
from agenttrace_schemas.rules import Policy, Scalar, Violation, closed
from agenttrace_schemas.texts import identifier

RowT = TypeVar("RowT", StepRow, RunRow)


def sound_metadata(policy: Policy, metadata: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Returns the metadata of a step; empty if a current rule refuses it."""
    try:
        return check_metadata(policy, metadata) if metadata else {}
    except Violation:
        return {}


def enforced(rows: RunRows, policy: Policy) -> RunRows:
    """Returns the run without values that the current rules refuse."""
    return replace(
        rows,
        steps=[_row(step, policy) for step in rows.steps],
        candidates=[_row(run, policy) for run in rows.candidates],
    )


def _row(row: RowT, policy: Policy) -> RowT:
    kind: type[Row] = type(row)
    guarded = {name: column for name, column in columns(kind).items() if column.guard in _ENFORCE}
    return replace(
        row, **{name: _value(getattr(row, name), column, policy) for name, column in guarded.items()}
    )


def _value(value: Any, column: Column, policy: Policy) -> Any:
    return _ENFORCE[column.guard](value, column, policy)


def _hash(value: str, _column: Column, _policy: Policy) -> str:
    return value if re.fullmatch(HASH, value) else ""


_ENFORCE: Final[Mapping[Guard | None, Callable[[Any, Column, Policy], Any]]] = {
    Guard.IDENTIFIER: lambda value, _column, _policy: identifier(value) if value else value,
    Guard.COUNT: lambda value, _column, _policy: count_of(value),
    Guard.CLOSED: lambda value, column, _policy: closed(value, frozenset(column.closed)),
    Guard.METADATA: lambda value, _column, policy: sound_metadata(policy, value),
    Guard.HASH: _hash,
}
