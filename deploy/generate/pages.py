"""The reference pages by the names of their files."""

from __future__ import annotations

from deploy.generate.commands import commands_page
from deploy.generate.configuration import configuration_page
from deploy.generate.metrics import metrics_page


def pages(example: str) -> dict[str, str]:
    """Each page as Markdown; `example` is the text of deploy/collector.yaml."""
    return {
        "CONFIGURATION.md": configuration_page(example),
        "METRICS.md": metrics_page(),
        "COMMANDS.md": commands_page(),
    }
