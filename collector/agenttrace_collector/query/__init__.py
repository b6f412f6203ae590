"""Questions: named queries in SQL files, and the one reader that asks them."""

from agenttrace_collector.query.catalogue import Query, catalogue
from agenttrace_collector.query.reader import Answer, Reader

__all__ = ["Answer", "Query", "Reader", "catalogue"]
