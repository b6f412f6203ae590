"""Delivery: brings the journal's rows to the database, in order, each once."""

from __future__ import annotations

from agenttrace_collector.delivery.backoff import Backoff
from agenttrace_collector.delivery.counters import Progress
from agenttrace_collector.delivery.worker import Delivery, DeliveryOptions

__all__ = ["Backoff", "Delivery", "DeliveryOptions", "Progress"]
