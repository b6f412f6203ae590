"""Expands a parameter that is a dataclass of options into one option per field."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def expand_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of such parameters in their place, as Typer reads signatures."""
    hints = get_type_hints(command, include_extras=True)
    kinds = {name: kind for name, kind in hints.items() if inspect.isclass(kind) and is_dataclass(kind)}

    @functools.wraps(command)
    def spreaded(**given: Any) -> None:
        parts = {
            name: kind(**{each.name: given.pop(each.name) for each in fields(kind)})
            for name, kind in kinds.items()
        }
        command(**parts, **given)

    parameters = list(_spread(inspect.signature(command), hints, kinds))
    spreaded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect
    spreaded.__annotations__ = {each.name: each.annotation for each in parameters}
    return spreaded


def _spread(
    signature: inspect.Signature, hints: dict[str, Any], kinds: dict[str, Any]
) -> Iterator[inspect.Parameter]:
    for name, parameter in signature.parameters.items():
        if name not in kinds:
            yield _named(name, hints[name], parameter.default)
            continue
        inner = get_type_hints(kinds[name], include_extras=True)
        for each in fields(kinds[name]):
            yield _named(each.name, inner[each.name], _EMPTY if each.default is MISSING else each.default)


def _named(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


_EMPTY = inspect.Parameter.empty
