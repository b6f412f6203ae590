"""The problems of a configuration: all at once, each with its position, without any value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from agenttrace_collector.config.pipelines import OtlpExporter

Path: TypeAlias = tuple[str | int, ...]
_UNKNOWN: Final = "extra_forbidden"
_NAME: Final = re.compile(r"[a-z][a-z0-9_/]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """A line of a source: a file's name, `--set`, or the like."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem and its position."""

    position: Position
    path: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.position}: {self.path}: {self.message}"
            if self.path
            else f"{self.position}: {self.message}"
        )


class ConfigError(ValueError):
    """The configuration is invalid; holds every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def problems_of(
    error: ValidationError, root: type[BaseModel], positions: Mapping[Path, Position]
) -> list[Problem]:
    """Converts pydantic's errors to problems with a line and, for an unknown key, a suggestion."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        Problem(
            position_of(detail["loc"], positions),
            shown(detail["loc"]),
            _unknown(root, detail["loc"]) if detail["type"] == _UNKNOWN else _sentence(detail["msg"]),
        )
        for detail in details
    ]


def position_of(path: Path, positions: Mapping[Path, Position]) -> Position:
    """Returns the position of a path, or of the nearest section around it that is written."""
    for length in range(len(path), -1, -1):
        if path[:length] in positions:
            return positions[path[:length]]
    return Position("configuration")


def shown(path: Path) -> str:
    """Returns the path with dots. A part that is not the name of a setting is masked: it may be a misplaced secret."""
    return ".".join(str(step) if isinstance(step, int) or _NAME.fullmatch(step) else "…" for step in path)


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


def _unknown(root: type[BaseModel], path: Path) -> str:
    known = _keys(root, path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f"unknown key, did you mean {close[0]}?"
    return f"unknown key, must be one of {', '.join(known)}" if known else "unknown key"


def _keys(root: type[BaseModel], path: Path) -> list[str]:
    """The keys of the section at a path."""
    section: Any = root
    for step in path:
        if isinstance(step, str):
            field = section.model_fields.get(step)
            # An exporter has a name of its user's under `exporters`.
            section = _model(field.annotation) if field else OtlpExporter
        if section is None:
            return []
    return list(section.model_fields)


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as `Tls`, `Tls | None` or `tuple[Token, ...]`."""
    if get_origin(annotation) in {Union, UnionType, tuple}:
        return next((found for found in map(_model, get_args(annotation)) if found), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
