"""Writes every generated page, dashboard and schema: `python -m deploy.generate`."""

from __future__ import annotations

from pathlib import Path

from deploy.generate.pages import generated

ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    for name, text in generated((ROOT / "deploy" / "collector.yaml").read_text(encoding="utf-8")).items():
        (ROOT / name).write_text(text, encoding="utf-8")
