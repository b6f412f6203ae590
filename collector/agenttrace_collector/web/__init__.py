"""The web pages: decisions, signals and runs in a browser."""

from agenttrace_collector.web.app import add_pages

__all__ = ["add_pages"]
