"""How long each page takes on a million decisions, and how much the first view transfers."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import httpx

from tests.support.collector import running_collector

_PATHS: Final = ("/", "/runs", "/decisions", "/signals", "/compare", "/associations")
_TIMES: Final = 10
_LIMIT_SECONDS: Final = 0.5


def main() -> None:
    """Fill a database, put a collector on it, open each page of one agent and of all."""
    with tempfile.TemporaryDirectory(prefix="agenttrace-bench-") as name:
        subprocess.run([sys.executable, "-m", "tests.bench.bench_query", name], check=True)
        with running_collector(Path(name)) as collector:
            show(collector.url("api"))


def show(url: str) -> None:
    """The table."""
    print(
        f"{'page':16}{'one agent: p50':>15}{'p95':>8}{'all: p50':>12}{'p95':>8}   seconds, limit {_LIMIT_SECONDS}"
    )
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for path in _PATHS:
            one, every = (spent(client, path, agent) for agent in ("agent-3", ""))
            print(f"{path:16}{one[0]:15.3f}{one[1]:8.3f}{every[0]:12.3f}{every[1]:8.3f}", flush=True)
        print(f"first view: {transferred(client):,} bytes, packed as they are sent")


def spent(client: httpx.Client, path: str, agent: str) -> tuple[float, float]:
    """The median and the 95th percentile, in seconds."""
    taken = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        client.get(path, params={"agent": agent} if agent else {}).raise_for_status()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken), statistics.quantiles(taken, n=20, method="inclusive")[18]


def transferred(client: httpx.Client) -> int:
    """The bytes of a page and of everything that it loads."""
    page = client.get("/").text
    size = 0
    for path in ("/", *re.findall(r'(?:src|href)="(/static/[^"]+)"', page)):
        with client.stream("GET", path) as answer:
            size += len(b"".join(answer.iter_raw()))
    return size


if __name__ == "__main__":
    main()
