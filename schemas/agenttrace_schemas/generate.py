"""Writes what is made from the contract: `python -m agenttrace_schemas.generate schemas`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from agenttrace_schemas.jsonschema import wire_schema_text
from agenttrace_schemas.pages import derivation_page, vocabulary_page

GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "VOCABULARY.md": vocabulary_page,
    "DERIVATION.md": derivation_page,
    "agenttrace_schemas/wire.schema.json": wire_schema_text,
}


def main(directory: Path) -> None:
    """Write each file below this directory, the `schemas` folder of the repository."""
    for name, content in GENERATED.items():
        (directory / name).write_text(content(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
