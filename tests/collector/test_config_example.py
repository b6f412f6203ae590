"""The annotated example in deploy/: valid, complete, and showing the defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from agenttrace_collector.config import Config, load_config
from agenttrace_collector.server.auth import read_tokens

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = DEPLOY / "collector.yaml"


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a section and of the sections in it."""
    for name, field in model.model_fields.items():
        yield prefix + name
        section = section_of(field.annotation)
        if section:
            yield from keys_of(section, f"{prefix}{name}.")


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation, if it is one or may be one."""
    if get_origin(annotation) in {Union, UnionType}:
        return next(filter(None, map(section_of, get_args(annotation))), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def written_keys(document: Any, prefix: str = "") -> Iterator[str]:
    """Every key that stands in a document."""
    for name, value in document.items() if isinstance(document, dict) else ():
        yield prefix + name
        yield from written_keys(value, f"{prefix}{name}.")


def test_the_example_is_the_defaults() -> None:
    """Whoever starts from it changes nothing by doing so."""
    assert load_config([EXAMPLE], environ={}) == Config()


def test_the_example_has_every_key() -> None:
    """Keys that cannot stand there (certificates) stand in comments."""
    shown = re.sub(r"(?m)^( *)# ( *[a-z_]+:(?: [^ ]+)?)$", r"\1\2", EXAMPLE.read_text())
    assert set(written_keys(yaml.safe_load(shown))) == set(keys_of(Config))


def test_the_example_of_tokens_is_valid(monkeypatch: Any) -> None:
    """One from the environment, one as a digest."""
    monkeypatch.setenv("AGENTTRACE_INGEST_TOKEN", "secret")
    assert [token.role for token in read_tokens(DEPLOY / "tokens.yaml")] == ["ingest", "read"]
