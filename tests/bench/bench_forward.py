"""CPU time of forwarding per span: the same requests with it and without it, in turns.

`python -m tests.bench.bench_forward [--seconds 10]`: first decoding alone, by each engine, in this process; then whole
collectors, each with its journal and one exporter, whose receiver is this process (`--seconds 0`: without these). Compare
lines of one run only.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.compiled import MODULE
from agenttrace_collector.decode.engine import Engine, PythonEngine
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.decode.outgoing import Outgoing
from agenttrace_collector.forward.gate import open_gate
from agenttrace_schemas.rules import Policy
from tests.support.collector import Collector, running_collector
from tests.support.corpus import RECORDED_AT, scenarios
from tests.support.load import cpu_seconds, send_load
from tests.support.otlp_receiver import grpc_recording
from tests.support.otlp_recorder import recording
from tests.support.reference import SPANS, reference_request

CONVENTIONS = ("genai", "as_sent")
ROUNDS = 15
SIZES = (SPANS, 16, 1)
MADE = 1_024
POLICY = Policy(site_key=b"k" * 32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds: float = parser.parse_args().seconds
    now = time.time_ns()
    engines: list[Engine] = [PythonEngine()]
    if find_spec(MODULE):
        engines.append(NativeEngine(POLICY))
    corpus = [body for scenario in scenarios() for body in scenario.bodies("traces")]
    for engine in engines:
        for spans in SIZES:
            bodies = [reference_request(seed, now, spans) for seed in range(MADE // spans)]
            decoding(f"{engine.name}, requests of {spans}", engine, bodies, now)
        decoding(f"{engine.name}, corpus", engine, corpus, RECORDED_AT)
    for conventions in CONVENTIONS if seconds else ():
        for protocol in ("otlp_grpc", "otlp_http"):
            collectors(conventions, protocol, seconds)


def decoding(name: str, engine: Engine, bodies: Sequence[bytes], now: int) -> None:
    """CPU µs per span of decoding alone, medians over rounds in turns, and the median of what the copy adds in a round."""
    context = Context(POLICY, "default", now)
    modes: dict[str, Callable[[], Outgoing | None]] = {"off": lambda: None}
    for conventions in CONVENTIONS:
        modes[conventions] = open_gate(Forward.model_validate({"conventions": conventions}), POLICY).traces
    used: dict[str, list[float]] = {mode: [] for mode in modes}
    spans = sum(engine.traces(body, context).received for body in bodies)
    for _ in range(ROUNDS):
        for mode, copy in modes.items():
            started = time.process_time()
            for body in bodies:
                engine.traces(body, context, (), copy())
            used[mode].append((time.process_time() - started) / spans * 1e6)
    off = statistics.median(used["off"])
    for mode in CONVENTIONS:
        on = statistics.median(used[mode])
        more = statistics.median(each - base for each, base in zip(used[mode], used["off"], strict=True))
        print(f"{name:24} {mode:8} {off:6.1f} µs per span, with the copy {on:6.1f}: {more:+5.1f}")


def collectors(conventions: str, protocol: str, seconds: float) -> None:
    """CPU µs per span of two collectors that take the same load in turns, one of which forwards."""
    with tempfile.TemporaryDirectory() as directory, receiver(protocol) as endpoint:
        settings = {
            f"exporters__{protocol}__endpoint": endpoint,
            f"exporters__{protocol}__tls__insecure": "true",
            "service__pipelines__traces__exporters": f"[clickhouse, {protocol}]",
            "forward__conventions": conventions,
            "exporters__clickhouse__endpoint": "null://",
        }
        off, on = Path(directory) / "off", Path(directory) / "on"
        off.mkdir()
        on.mkdir()
        sink = {"exporters__clickhouse__endpoint": "null://"}
        with running_collector(off, **sink) as without, running_collector(on, **settings) as forwarding:
            used = [(per_span(without, seconds), per_span(forwarding, seconds)) for _ in range(3)]
    least = [min(each) for each in zip(*used, strict=True)]
    print(f"collector, {protocol} {conventions:8} {least[0]:6.1f} µs per span, forwarding {least[1]:6.1f}: {least[1] - least[0]:+5.1f}")  # fmt: skip


def per_span(collector: Collector, seconds: float) -> float:
    """CPU µs per span under full load of requests of 512 spans, the delivery of all of them included."""
    before = cpu_seconds(collector.pid)
    load = send_load(collector.grpc, seconds=seconds / 3, clients=2)
    while waiting(collector):
        time.sleep(0.2)
    return (cpu_seconds(collector.pid) - before) / (load.requests * SPANS) * 1e6


def waiting(collector: Collector) -> bool:
    """Whether rows or spans wait in the journal."""
    lines = collector.get("metrics", "/metrics").splitlines()
    return any(float(line.split()[-1]) for line in lines if line.startswith("otelcol_exporter_queue_size"))


@contextmanager
def receiver(protocol: str) -> Iterator[str]:
    """An endpoint that takes everything, in this process."""
    if protocol == "otlp_grpc":
        with grpc_recording() as rpc:
            yield rpc.endpoint
    else:
        with recording() as http:
            yield http.endpoint


if __name__ == "__main__":
    main()
