"""The built-in pages: what agents decide and what goes along with failure, in a browser."""

from agenttrace_collector.web.app import add_pages

__all__ = ["add_pages"]
