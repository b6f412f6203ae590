"""Writes the pages beside it: `python -m deploy.generate`."""

from __future__ import annotations

from pathlib import Path

from deploy.generate.pages import pages

DIRECTORY = Path(__file__).parents[1]

if __name__ == "__main__":
    for name, text in pages((DIRECTORY / "collector.yaml").read_text(encoding="utf-8")).items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")
