"""Delivery: brings the journal's rows to the database, in order, each once."""

from __future__ import annotations

from agenttrace_collector.delivery.backoff import Backoff
from agenttrace_collector.delivery.delivery import Delivery, DeliveryOptions
from agenttrace_collector.delivery.inserter import Inserter, Presence
from agenttrace_collector.delivery.presence import TablePresence
from agenttrace_collector.delivery.progress import Progress

__all__ = ["Backoff", "Delivery", "DeliveryOptions", "Inserter", "Presence", "Progress", "TablePresence"]
