"""Records since when rows are sure to be there, so that answers do not count what has expired."""

from __future__ import annotations

from collections.abc import Mapping

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_schemas.retention import COUNTED, counted_since


def record_expiries(database: ClickHouse, ttl: Mapping[str, float | None]) -> None:
    """Records the TTL of each kind (seconds, None for ever) where it is another than the one that was recorded last.

    What expired under the one before is gone under the new one, too.
    """
    kinds = {kind: int(ttl[kind] or 0) for kind in ("runs", *COUNTED) if kind in ttl}
    latest = "SELECT kind, argMax(seconds, recorded_at) FROM counted_since GROUP BY kind"
    stored = {str(kind): int(seconds) for kind, seconds in database.query(latest)}
    for kind, seconds in kinds.items():
        if stored.get(kind, 0) != seconds:
            database.command(counted_since(kind, stored.get(kind, 0), seconds))
