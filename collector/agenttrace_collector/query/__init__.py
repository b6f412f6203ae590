"""Named queries in SQL files, and the reader that runs them."""

from agenttrace_collector.query.catalogue import Query, catalogue
from agenttrace_collector.query.reader import Answer, Reader

__all__ = ["Answer", "Query", "Reader", "catalogue"]
