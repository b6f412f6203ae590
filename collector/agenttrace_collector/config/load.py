"""Loads a configuration from files and overrides, and reports every problem at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from agenttrace_collector.config.document import Document, merge, read_document
from agenttrace_collector.config.problems import ConfigError, Path, Position, Problem, problems_of, shown
from agenttrace_collector.config.sections import Config

MAX_CHARACTERS: Final = 1_000_000
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a configuration, so that it can be loaded again: files in order, then overrides."""

    files: tuple[FilePath, ...] = ()
    overrides: tuple[str, ...] = ()

    def load(self) -> Config:
        """Loads the configuration; raises `ConfigError` with every problem found."""
        return load_config(self.files, self.overrides)


def load_config(
    files: Sequence[FilePath] = (), overrides: Sequence[str] = (), environ: Mapping[str, str] = os.environ
) -> Config:
    """Loads the configuration: later files override earlier ones, and `a.b=c` overrides override all files."""
    document = Document()
    for file in files:
        merge(document, read_document(_text(file), file.name, environ))
    for override in overrides:
        merge(document, _override(override, environ))
    return _without_store(validated(Config, document))


def _without_store(config: Config) -> Config:
    """The configuration, with no database where no pipeline leads to one."""
    if config.service.pipelines.stores:
        return config
    nothing = config.exporters.clickhouse.model_copy(update={"endpoint": "null://", "purge_endpoint": None})
    return config.model_copy(
        update={"exporters": config.exporters.model_copy(update={"clickhouse": nothing})}
    )


def load_file(model: type[ModelT], file: FilePath, environ: Mapping[str, str] = os.environ) -> ModelT:
    """Loads one file into another model, with the same substitutions and errors."""
    return validated(model, read_document(_text(file), file.name, environ))


def validated(model: type[ModelT], document: Document) -> ModelT:
    """Validates a document against a model; raises `ConfigError` with the problems of both."""
    try:
        value = model.model_validate(document.values)
    except ValidationError as error:
        raise ConfigError([*document.problems, *problems_of(error, model, document.positions)]) from None
    if document.problems:
        raise ConfigError(document.problems)
    return value


def _text(file: FilePath) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(MAX_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(Position(str(file)), "", f"the file cannot be read ({type(error).__name__})")
        raise ConfigError([problem]) from None
    if len(text) > MAX_CHARACTERS:
        problem = Problem(Position(str(file)), "", f"must have at most {MAX_CHARACTERS} characters")
        raise ConfigError([problem])
    return text


def _override(override: str, environ: Mapping[str, str]) -> Document:
    name, separator, text = override.partition("=")
    path = tuple(name.split("."))
    if not separator or not all(path):
        raise ConfigError([Problem(Position("--set"), "", "must be section.key=value")])
    read = read_document(f"value: {text}", "--set", environ)
    value: Any = read.values.get("value")
    for key in reversed(path):
        value = {key: value}
    positions: dict[Path, Position] = {path[:length]: Position("--set") for length in range(1, len(path) + 1)}
    problems = [Problem(Position("--set"), shown(path), problem.message) for problem in read.problems]
    return Document(value, positions, problems)
