"""Writes the reference pages, the page of the named queries and the dashboards: `python -m deploy.generate`."""

from __future__ import annotations

from pathlib import Path

from deploy.generate.dashboards import dashboards
from deploy.generate.pages import pages
from deploy.generate.queries import PAGE, page

DIRECTORY = Path(__file__).parents[1]

if __name__ == "__main__":
    for name, text in pages((DIRECTORY / "collector.yaml").read_text(encoding="utf-8")).items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")
    for name, text in dashboards().items():
        (DIRECTORY / "grafana" / "dashboards" / name).write_text(text, encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
