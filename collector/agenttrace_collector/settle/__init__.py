"""Settling: what the rows of a quiet run say together, and what is derived from it."""

from agenttrace_collector.settle.model import RunRows, Settled, Thresholds
from agenttrace_collector.settle.run import settle_run

__all__ = ["RunRows", "Settled", "Thresholds", "settle_run"]
