"""Settling: merges the rows of a quiet run and derives signals, decisions and failures."""

from agenttrace_collector.settle.model import RunRows, Settled, Thresholds
from agenttrace_collector.settle.run import settle_run

__all__ = ["RunRows", "Settled", "Thresholds", "settle_run"]
