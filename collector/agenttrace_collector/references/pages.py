"""The reference pages by the names of their files."""

from __future__ import annotations

from agenttrace_collector.references.commands import commands_page
from agenttrace_collector.references.configuration import configuration_page
from agenttrace_collector.references.metrics import metrics_page


def pages(example: str) -> dict[str, str]:
    """Each page as Markdown; `example` is the text of deploy/collector.yaml."""
    return {
        "CONFIGURATION.md": configuration_page(example),
        "METRICS.md": metrics_page(),
        "COMMANDS.md": commands_page(),
    }
