"""Decoding alone: spans per CPU-second in Python and in the compiled engine, on the same requests in one run.

`python -m tests.bench.bench_decode [--spans 16384]` prints one line for each kind of request. Every reference request
has ids of its own. Compare figures of one run only.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import TypeAlias

from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.compiled import MODULE
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_schemas.rules import Policy
from tests.support.corpus import RECORDED_AT, scenarios
from tests.support.reference import SPANS, reference_request

Decode: TypeAlias = Callable[[bytes, Context], Batch]
# Each engine decodes in turn, so that both see the same noise.
_ROUNDS = 5


def main() -> None:
    """Measure each kind of request and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=16 * 1024)
    wanted: int = parser.parse_args().spans
    policy = Policy(site_key=b"k" * 32)
    engines: dict[str, Decode] = {"python": decode_traces}
    if find_spec(MODULE):
        engines["native"] = NativeEngine(policy).traces
    else:
        print("the compiled engine is not built: make builds it where cargo is")
    for name, bodies in _requests(wanted):
        _report(name, bodies, engines, Context(policy, "default", RECORDED_AT))


def _requests(wanted: int) -> Iterator[tuple[str, Sequence[bytes]]]:
    for spans in (SPANS, 16, 1):
        made = range(max(1, wanted // spans))
        yield f"requests of {spans} spans", [reference_request(seed, RECORDED_AT, spans) for seed in made]
    yield "the corpus", [body for scenario in scenarios() for body in scenario.bodies("traces")]


def _report(name: str, bodies: Sequence[bytes], engines: dict[str, Decode], context: Context) -> None:
    best: dict[str, float] = {}
    spans = sum(decode_traces(body, context).received for body in bodies)
    for _ in range(_ROUNDS):
        for engine, decode in engines.items():
            before = time.process_time()
            for body in bodies:
                decode(body, context)
            used = time.process_time() - before
            best[engine] = min(best.get(engine, used), used)
    line = ", ".join(
        f"{engine} {spans / used:>9,.0f} spans/CPU-s ({used / spans * 1e6:5.1f} µs)"
        for engine, used in best.items()
    )
    ratio = f": {best['python'] / best['native']:.1f} times as many" if "native" in best else ""
    print(f"{name:24} {line}{ratio}", flush=True)


if __name__ == "__main__":
    main()
