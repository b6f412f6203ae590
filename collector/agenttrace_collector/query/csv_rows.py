"""Rows as CSV (RFC 4180): lists and mappings as JSON, nothing that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

# Also after white space, and as their full-width forms, which spreadsheets take for the same.
_FORMULA: Final = re.compile(r"[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns a header and a line for each row; empty without rows."""
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    return csv_lines(names, [dict(zip(names, names, strict=True)), *listed]) if names else ""


def csv_lines(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns a line for each row, with its values in the order of these names."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, lineterminator="\r\n")
    for row in rows:
        writer.writerow({name: _plain(value) for name, value in row.items()})
    return text.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
