"""Keeps a release's database: `python -m tests.upgrade.make 0.1.0`, once, with the release's own code.

A collector of that release is filled with the demo's data and the corpus, and stopped; its database is
packed beside this module, with the answers of every named query. The files of a release never change
afterwards: later releases have to answer from them.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from pathlib import Path

import grpc
import httpx

from tests.support.collector import Collector, running_collector
from tests.support.corpus import RECORDED_AT, scenarios
from tests.support.demo_data import QUIET, fill
from tests.support.http import counted
from tests.support.load import EXPORT
from tests.support.receivers import wait_until
from tests.upgrade.asked import answers

FOLDER = Path(__file__).parent
# A fixture grows old, and its rows have to stay.
FOR_EVER = {
    f"exporters__clickhouse__ttl__{kind}": "null"
    for kind in ("runs", "steps", "failures", "decisions", "quality_signals", "rejections", "span_links")
}


def at_rest(collector: Collector) -> bool:
    """Whether every row is stored and every run settled."""
    if counted(collector, "agenttrace_journal_rows"):
        return False
    query = {"database": "agenttrace", "query": "SELECT count() FROM unsettled_runs"}
    return httpx.get(collector.url("clickhouse"), params=query, trust_env=False).text == "0\n"


def main(release: str) -> None:
    """Fill, pack, ask."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with running_collector(directory, derive__quiet=QUIET, **FOR_EVER) as collector:
            fill(collector)
            with grpc.insecure_channel(collector.grpc) as channel:
                export = channel.unary_unary(EXPORT, None, None)
                for scenario in scenarios():
                    for body in scenario.sent_at("traces", RECORDED_AT):
                        export(body, timeout=60)
            wait_until(lambda: at_rest(collector))
        with tarfile.open(FOLDER / f"{release}.tar.xz", "w:xz") as packed:
            packed.add(directory / "data", "data")
        (FOLDER / f"{release}.json").write_text(json.dumps(answers(directory / "data"), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
