"""The limit of open files: raised as far as allowed, and divided among listeners."""

from __future__ import annotations

import logging
import resource
from typing import Final

_log: Final = logging.getLogger(__name__)
_MOST_FILES: Final = 65_536
# Below this a moderate number of agents is refused.
_FEW_FILES: Final = 1_024
# Each connection takes memory too, whatever files there are.
_MOST_CONNECTIONS: Final = 16_384
_FEWEST_CONNECTIONS: Final = 8
# In 64ths of the files, 24 together. A quarter is for gRPC, the rest for the database, the journal and what the collector
# opens itself. No listener takes from another, so that a flood on one leaves the others as they were.
_SHARES: Final = {"otlp http": 12, "api": 6, "clickhouse http": 3, "health": 2, "metrics": 1}


def raise_file_limit() -> None:
    """Each connection holds a file; the usual soft limit of 1,024 is soon reached. Warns of a hard limit below that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < _FEW_FILES:
        _log.warning(
            "only %d files may be open: %d connections over OTLP/HTTP, %d over gRPC; ulimit -n (LimitNOFILE) gives more",
            wanted,
            http_connections("otlp http"),
            grpc_connections(),
        )


def http_connections(listener: str) -> int:
    """How many connections an HTTP listener may have."""
    return max(_FEWEST_CONNECTIONS, min(_MOST_CONNECTIONS, _limit()) * _SHARES[listener] // 64)


def grpc_connections() -> int:
    """How many connections the gRPC listener may have."""
    return max(_FEWEST_CONNECTIONS, min(_MOST_CONNECTIONS, _limit()) // 4)


def _limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft
