"""However many heavy questions are asked, what is sent is acknowledged and stored as if there were none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import grpc
import pytest

from tests.support.api import Api
from tests.support.collector import Collector, running_collector
from tests.support.load import EXPORT
from tests.support.many import many_runs
from tests.support.reference import reference_request
from tests.support.run_documents import run_document

RUNS = 30_000
HEAVY: tuple[tuple[str, dict[str, str]], ...] = (
    ("/v1/correlate/signals-outcomes", {}),
    ("/v1/compare/versions", {"agent_id": "agent", "version_a": "1.0", "version_b": "1.1"}),
    ("/v1/correlate/decisions-failures", {}),
)
ASKERS = 12
# Far above what a busy machine takes for an acknowledgement, far below what the questions take together.
PATIENCE = 1.5


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One that owns hundreds of thousands of decisions and signals."""
    directory: Path = tmp_path_factory.mktemp("many")
    many_runs(directory, RUNS)
    with running_collector(directory) as running:
        yield running


@contextmanager
def heavy_questions(collector: Collector) -> Iterator[list[int]]:
    """Ask on and on, by more clients than the reader has threads; their answers' statuses."""
    statuses: list[int] = []
    done = threading.Event()

    def ask(number: int) -> None:
        while not done.is_set():
            path, filters = HEAVY[number % len(HEAVY)]
            statuses.append(Api(collector).get(path, **filters).status_code)

    with ExitStack() as stack:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(ASKERS)]
        for thread in threads:
            stack.callback(thread.join)
            thread.start()
        stack.callback(done.set)
        yield statuses


def acknowledged(collector: Collector, requests: int) -> list[float]:
    """Seconds that each request took to be acknowledged."""
    taken = []
    with grpc.insecure_channel(collector.grpc) as channel:
        export = channel.unary_unary(EXPORT, None, None)
        for seed in range(requests):
            request = reference_request(seed, time.time_ns(), spans=16)
            began = time.monotonic()
            export(request, timeout=30)
            taken.append(time.monotonic() - began)
    return taken


@pytest.mark.long
def test_questions_do_not_delay_what_is_sent(collector: Collector) -> None:
    """Every request is acknowledged in time, and is stored, while questions wait for each other."""
    acknowledged(collector, 5)
    with heavy_questions(collector) as statuses:
        taken = acknowledged(collector, 60)
        document = run_document(time.time_ns(), agent_id="posted")
        began = time.monotonic()
        assert Api(collector).post(document).status_code == 201
        taken.append(time.monotonic() - began)
        found = Api(collector).eventually(lambda runs: runs["total"] == 1, "/v1/runs", agent_id="posted")
    assert found["runs"][0]["run_id"] == document["run_id"]
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= ASKERS
    assert (median(taken) < PATIENCE / 5, max(taken) < PATIENCE) == (True, True), sorted(taken)[-5:]
