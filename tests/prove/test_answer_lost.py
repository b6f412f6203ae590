"""The insert is applied and its answer lost, again and again: nothing is doubled."""

from __future__ import annotations

from pathlib import Path

from tests.support.proof import FULL, Sender, deliver, proving

TIMES = 50 if FULL else 10


def test_lost_answers_double_nothing(tmp_path: Path) -> None:
    """Each block goes out again under its token until an answer arrives."""
    sender = Sender()
    with proving(tmp_path) as proof:
        for _ in range(TIMES):
            proof.call("set", answers_to_lose=2)
            assert proof.offer(sender, sender.take())
            assert proof.call("flush", within=60)["flushed"]
        state = proof.call("state")
        assert (state["answers_to_lose"], state["retries"]) == (0, 2 * TIMES)
        deliver(proof, sender)
    print(f"\n{2 * TIMES} answers lost, {len(sender.acknowledged)} requests stored once, 0 doubled")
