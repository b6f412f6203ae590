"""Settling: what the rows of a quiet run say together, and what is derived from it."""

from agenttrace_collector.settle.run import settle_run
from agenttrace_collector.settle.shapes import RunRows, Settled, Thresholds

__all__ = ["RunRows", "Settled", "Thresholds", "settle_run"]
