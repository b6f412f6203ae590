"""Kill -9 at random moments under load: what was acknowledged is stored once, counted raw."""

from __future__ import annotations

import queue
import random
import time
from pathlib import Path

from tests.support.proof import FULL, ROWS, Proof, Sender, deliver, proving

CYCLES = 200 if FULL else 6
IN_FLIGHT = 16


def test_kill_at_random_moments(tmp_path: Path) -> None:
    """Load, kill, restart, send again what was not acknowledged; at the end every row is there once."""
    sender = Sender()
    chance = random.Random()
    started = time.monotonic()
    for _ in range(CYCLES):
        proof = Proof(tmp_path)
        # One life in ten ends while it starts, with recovery under way.
        if chance.random() > 0.1:
            proof.ready()
            load(proof, sender, chance.uniform(0.02, 1.0))
        proof.kill()
        collect(proof, sender)
    with proving(tmp_path) as proof:
        deliver(proof, sender)
    repaired = (tmp_path / "node.log").read_text().count("rows of an interrupted insert")
    print(
        f"\n{CYCLES} kills in {time.monotonic() - started:.0f} s: {len(sender.acknowledged)} requests"
        f" of {ROWS} rows in two tables stored once; 0 lost, 0 doubled"
        f" (blocks that the engine had lost and delivery sent again: {repaired})"
    )


def load(proof: Proof, sender: Sender, seconds: float) -> None:
    """Keep requests in flight for some time, first those that were not acknowledged."""
    again = sorted(sender.unacknowledged)

    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        while len(proof.lines) < IN_FLIGHT:
            first = again.pop(0) if again else sender.take()
            proof.lines[proof.send("write", first=first, rows=ROWS)] = first
        confirm(proof, sender, max(0.0, ends - time.monotonic()))


def confirm(proof: Proof, sender: Sender, seconds: float) -> bool:
    """Take one answer; False if there is none."""
    try:
        answer = proof.answer(seconds)
    except queue.Empty:
        return False
    if answer is None:
        return False
    if "line" in answer:
        first = proof.lines.pop(answer["line"])
        if "retry_after" not in answer:
            sender.confirm(first)
    return True


def collect(proof: Proof, sender: Sender) -> None:
    """Take the answers that were written before the end."""
    while confirm(proof, sender, 0.0):
        continue
