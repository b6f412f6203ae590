"""Writes the pages: `python -m agenttrace_collector.references deploy`."""

from __future__ import annotations

import sys
from pathlib import Path

from agenttrace_collector.references.pages import pages

if __name__ == "__main__":
    directory = Path(sys.argv[1])
    for name, text in pages((directory / "collector.yaml").read_text(encoding="utf-8")).items():
        (directory / name).write_text(text, encoding="utf-8")
