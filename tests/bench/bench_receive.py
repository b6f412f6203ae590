"""What receiving a request costs by part: CPU µs per request and per span, the least of several rounds.

`python -m tests.bench.bench_receive [--rounds 7]`. All in this process but gRPC, whose part is a server of its own that
reads and answers at once. The journal has fsync, and its requests come one by one or sixteen together. What is missing
to the whole (`make bench NAME=peers`) are threads that wake and wait for each other. Compare figures of one run only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from agenttrace_collector.config.sections import Config, Grpc
from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.decode.builder import digest_of
from agenttrace_collector.decode.compiled import MODULE
from agenttrace_collector.decode.engine import Engine, PythonEngine
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.journal import Journal, JournalOptions, current_layouts
from agenttrace_collector.receivers.admission import AdmissionController, limits_from
from agenttrace_collector.receivers.decoder import Decoder
from agenttrace_collector.receivers.ingest import Ingest
from agenttrace_collector.receivers.otlp_grpc import GrpcReceiver
from agenttrace_collector.receivers.request_metrics import RequestMetrics
from agenttrace_collector.receivers.signals import all_signals
from agenttrace_collector.server.auth import Authenticator
from agenttrace_collector.telemetry.metrics import Telemetry
from agenttrace_schemas.migrations import migrations
from agenttrace_schemas.rules import Policy
from tests.bench.bench_ingest import serving_nothing
from tests.fakes import DiscardingSink
from tests.support.fresh import FreshRequests
from tests.support.load import cpu_seconds, send_load
from tests.support.reference import SPANS

# Spans a request, senders, and so many requests a round.
SHAPES: Final = ((SPANS, 1, 32), (16, 16, 512), (1, 16, 512))
_POLICY: Final = Policy(site_key=b"k" * 32)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of gRPC whose message is there."""

    body: bytes

    async def read(self) -> bytes:
        """The message."""
        return self.body

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        """What an exporter sends."""
        return (("user-agent", "bench"), ("grpc-accept-encoding", "identity,deflate,gzip"))


def main() -> None:
    """Measure each part for each kind of request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds: int = parser.parse_args().rounds
    engine: Engine = NativeEngine(_POLICY) if find_spec(MODULE) else PythonEngine()
    for spans, senders, requests in SHAPES:
        fresh = FreshRequests(spans, time.time_ns(), spans)
        bodies = [fresh.next() for _ in range(requests)]
        print(f"{spans} spans a request, decoded by the engine {engine.name}")
        alone = ("gRPC: read and answer", grpc_alone(spans, senders))
        for name, microseconds in (alone, *asyncio.run(parts(engine, bodies, senders, rounds))):
            print(f"  {name:44} {microseconds:9,.1f} µs per request  {microseconds / spans:8.2f} per span")


async def parts(
    engine: Engine, bodies: Sequence[bytes], senders: int, rounds: int
) -> list[tuple[str, float]]:
    """Each part with its CPU µs per request."""
    receiver = _receiver(engine)
    context = receiver.ingest.context("default")
    signal = receiver.signals[0]
    export = receiver._export(signal)
    batches = [signal.decode(body, context) for body in bodies]

    async def each(do: Callable[[Any], object], of: Sequence[object] = bodies) -> None:
        for one in of:
            do(one)

    async def receive() -> None:
        for body in bodies:
            await export(None, Call(body))

    with receiver.ingest.decoder:
        digest = await least(lambda: each(lambda body: digest_of("traces", body, context)), bodies, rounds)
        decode = await least(lambda: each(lambda body: signal.decode(body, context)), bodies, rounds)
        whole = await least(receive, bodies, rounds)
        counts = await least(lambda: each(lambda batch: _record(receiver, batch), batches), bodies, rounds)
    with journal() as stored:
        written = await least(lambda: _write(stored, batches, senders), bodies, rounds)
    return [
        ("digest", digest),
        ("decode and gather rows", decode - digest),
        ("counters", counts),
        ("admission, limits, answer, loop", whole - decode - counts),
        (f"journal with fsync, {senders} together", written),
    ]


async def _write(stored: Journal, batches: Sequence[Batch], together: int) -> None:
    for start in range(0, len(batches), together):
        group = batches[start : start + together]
        # A batch of each round is new to the journal.
        await asyncio.gather(*(stored.write(replace(each, digest=os.urandom(16))) for each in group))


def grpc_alone(spans: int, senders: int) -> float:
    """CPU µs per request of a server that reads and answers."""
    with serving_nothing() as (endpoint, pid):
        send_load(endpoint, seconds=1, clients=senders, spans=spans)
        before = cpu_seconds(pid)
        load = send_load(endpoint, seconds=3, clients=senders, spans=spans)
        return (cpu_seconds(pid) - before) * 1e6 / load.requests


def _record(receiver: GrpcReceiver, batch: Batch) -> None:
    receiver.ingest.metrics.record_accepted("spans", "grpc", batch)


async def least(work: Callable[[], Awaitable[None]], bodies: Sequence[bytes], rounds: int) -> float:
    """The CPU µs per request of the cheapest round."""
    used = []
    for _ in range(rounds):
        before = time.process_time()
        await work()
        used.append(time.process_time() - before)
    return min(used) * 1e6 / len(bodies)


def _receiver(engine: Engine) -> GrpcReceiver:
    flow = AdmissionController(limits_from(Config()))
    ingest = Ingest(_POLICY, DiscardingSink(), flow, RequestMetrics(Telemetry()), Decoder())
    return GrpcReceiver(Grpc(), ingest, Authenticator.from_file(None), all_signals(engine, "ignore"))


@contextmanager
def journal() -> Iterator[Journal]:
    """A journal that nobody empties."""
    with tempfile.TemporaryDirectory() as name:
        opened = Journal(JournalOptions(Path(name), reserve_mib=0), current_layouts(migrations()[-1].version))
        opened.open()
        try:
            yield opened
        finally:
            opened.close()


if __name__ == "__main__":
    main()
