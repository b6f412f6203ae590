"""One tenant attacks, the other sends 200 spans a second and asks once a second, and notices nothing."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.api import tokens_file
from tests.support.attacks import ATTACKS
from tests.support.collector import Collector, start_collector, wait_until_ready
from tests.support.load import peak_memory_mib
from tests.support.proof import FULL, ROOT
from tests.support.victim import Seen, watch

SECONDS: Final = 60.0
SHORT_SECONDS: Final = 1.0
LIMIT_MIB: Final = 1024
FILES: Final = 800
QUIET_SECONDS: Final = 5.0
ROUND_SECONDS: Final = 5.0
SETTLED_SECONDS: Final = QUIET_SECONDS + ROUND_SECONDS + 15.0
P99_SECONDS: Final = 0.5
ANSWER_SECONDS: Final = 2.0
LOG_LINES: Final = 1_000
_UNDISTURBED: Final[dict[str, float]] = {}


@contextmanager
def attacked(directory: Path) -> Iterator[Collector]:
    """A collector with two tenants and few file handles."""
    settings = {
        "extensions.auth.tokens_file": str(tokens_file(directory)),
        "processors.memory_limiter.limit_mib": str(LIMIT_MIB),
        "derive.quiet": f"{QUIET_SECONDS}s",
    }
    collector = start_collector(directory, settings)
    resource.prlimit(collector.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
    try:
        wait_until_ready(collector)
        yield collector
    finally:
        if collector.process.poll() is None:
            collector.stop()


def under(collector: Collector, attack: str, seconds: float) -> Seen:
    """What the other tenant sees while an attack goes on."""
    command = [
        sys.executable,
        "-m",
        "tests.support.attacks",
        attack,
        str(seconds),
        json.dumps(collector.ports),
    ]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as attacker:
        try:
            return watch(collector, seconds, SETTLED_SECONDS)
        finally:
            attacker.kill()


@pytest.mark.skipif(not FULL, reason="each attack alone for a minute: make prove NAME=hostile")
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_of_one_tenant_is_not_noticed_by_the_other(attack: str, tmp_path: Path) -> None:
    """Acknowledgements, answers, settling, memory and the log stay within their bounds."""
    with attacked(tmp_path) as collector:
        seen = under(collector, attack, SECONDS)
        peak, lines = peak_memory_mib(collector.pid), len(collector.log().splitlines())
    slowest = max(seen.answered)
    _UNDISTURBED.setdefault("answer", slowest)
    print(
        f"\n{attack}: p99 of {len(seen.acknowledged)} acknowledgements {seen.p99 * 1000:.0f} ms, slowest of"
        f" {len(seen.answered)} answers {slowest:.2f} s, settled after {seen.settled or -1:.1f} s, peak {peak:.0f} MiB,"
        f" {lines} log lines, refused {sorted(set(seen.refused))}"
    )
    assert not seen.refused
    assert seen.p99 < P99_SECONDS
    assert slowest < max(ANSWER_SECONDS, 3 * _UNDISTURBED["answer"])
    assert seen.settled is not None
    assert peak < LIMIT_MIB
    assert lines < LOG_LINES


def test_attacks_in_turn_leave_a_collector_that_works(tmp_path: Path) -> None:
    """A short form on one collector: afterwards the other tenant is not refused, and its run is settled."""
    with attacked(tmp_path) as collector:
        for attack in set(ATTACKS) - {"many_runs"}:
            command = [sys.executable, "-m", "tests.support.attacks", attack, str(SHORT_SECONDS)]
            subprocess.run([*command, json.dumps(collector.ports)], cwd=ROOT, check=False, timeout=60)
        seen = watch(collector, SHORT_SECONDS, SETTLED_SECONDS)
        assert seen.refused == []
        assert seen.settled is not None
        assert peak_memory_mib(collector.pid) < LIMIT_MIB
        assert len(collector.log().splitlines()) < LOG_LINES
