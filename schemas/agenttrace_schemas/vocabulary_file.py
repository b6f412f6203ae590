"""A site's own codes: the extension file of the vocabulary."""

from __future__ import annotations

import json
import re
from pathlib import Path

from agenttrace_schemas.site_vocabulary import VOCABULARY, Vocabulary

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_SECTIONS = ("decisions", "signals")


class InvalidVocabulary(ValueError):
    """A vocabulary file does not have the form that `load_extension` describes."""


def load_extension(path: str | Path, base: Vocabulary = VOCABULARY) -> Vocabulary:
    """Reads a site's vocabulary file and returns `base` with its codes added.

    The file is JSON: `{"decisions": {type: [code, …]}, "signals": {type: [code, …]}}`, both
    sections optional, names in lower-case snake case of at most 64 characters.
    Raises `InvalidVocabulary` for any other form and `OSError` where the file cannot be read.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        message = "vocabulary extension: the file is not JSON"
        raise InvalidVocabulary(message) from error
    if not isinstance(document, dict) or not set(document) <= set(_SECTIONS):
        message = f"vocabulary extension: an object with the sections {' and '.join(_SECTIONS)} is allowed"
        raise InvalidVocabulary(message)
    decisions, signals = (_section(document.get(name, {}), name) for name in _SECTIONS)
    return base.extended(decisions, signals)


def _section(section: object, name: str) -> dict[str, list[str]]:
    message = f"vocabulary extension: {name} maps types to lists of codes, each matching {_CODE.pattern}"
    if not isinstance(section, dict):
        raise InvalidVocabulary(message)
    for kind, codes in section.items():
        if not (isinstance(codes, list) and _CODE.fullmatch(kind)):
            raise InvalidVocabulary(message)
        if not all(isinstance(code, str) and _CODE.fullmatch(code) for code in codes):
            raise InvalidVocabulary(message)
    return section
