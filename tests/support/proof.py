"""Drives a `proof_node`: sends it requests, kills it, and knows what it has acknowledged."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

FULL = os.environ.get("PROVE") == "full"
ROWS = 40
ANSWER_SECONDS = 120.0
ROOT = Path(__file__).parents[2]


@dataclass
class Sender:
    """Requests as an exporter has them: each is sent until it is acknowledged."""

    rows: int = ROWS
    next: int = 0
    unacknowledged: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)

    def take(self) -> int:
        """A new request."""
        self.next += self.rows
        self.unacknowledged.add(self.next)
        return self.next

    def confirm(self, first: int) -> None:
        """The answer came."""
        self.unacknowledged.discard(first)
        self.acknowledged.add(first)

    @property
    def expected(self) -> list[int]:
        """Raw rows, different rows and sum of the numbers that a table must hold."""
        numbers = [number for first in self.acknowledged for number in range(first, first + self.rows)]
        return [len(numbers), len(numbers), sum(numbers)]


class Proof:
    """One life of a node in a directory."""

    def __init__(self, directory: Path, **settings: object) -> None:
        command = [sys.executable, "-m", "tests.support.proof_node", str(directory), json.dumps(settings)]
        self._log = (directory / "node.log").open("ab")
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        assert process.stdin
        assert process.stdout
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout
        self._number = 0
        self.lines: dict[int, int] = {}
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(self._stdout,), daemon=True)
        self._reader.start()

    def ready(self) -> None:
        """Wait until the node is up."""
        answer = self.answer()
        assert answer, "the node ended before it was ready, see node.log"

    def send(self, do: str, **arguments: object) -> int:
        """Write a line; returns its number."""
        self._number += 1
        self._stdin.write(json.dumps({"line": self._number, "do": do, **arguments}) + "\n")
        self._stdin.flush()
        return self._number

    def answer(self, seconds: float = ANSWER_SECONDS) -> dict[str, Any] | None:
        """The next answer, None when the node has ended."""
        return self._answers.get(timeout=seconds)

    def call(self, do: str, **arguments: object) -> dict[str, Any]:
        """Write a line and wait for its answer; nothing else may be under way."""
        number = self.send(do, **arguments)
        answer = self.answer()
        assert answer, "the node ended, see node.log"
        assert answer["line"] == number
        return answer

    def offer(self, sender: Sender, first: int) -> bool:
        """Send one request and wait; whether it was acknowledged."""
        accepted = "retry_after" not in self.call("write", first=first, rows=sender.rows)
        if accepted:
            sender.confirm(first)
        return accepted

    def kill(self) -> None:
        """End it as a crash does, and read to the end what it had answered."""
        self._process.kill()
        self.wait()

    def end(self) -> None:
        """Let it end in order."""
        self._stdin.close()
        self.wait()
        assert self._process.returncode == 0, "the node did not end in order, see node.log"

    def wait(self) -> None:
        """Wait for the end."""
        self._process.wait(ANSWER_SECONDS)
        self._reader.join()
        for stream in (self._stdin, self._stdout, self._log):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            if line.endswith("\n"):
                self._answers.put(json.loads(line))
        self._answers.put(None)


@contextmanager
def proving(directory: Path, **settings: object) -> Iterator[Proof]:
    """A node that is up, and ends in order."""
    proof = Proof(directory, **settings)
    try:
        proof.ready()
        yield proof
    except BaseException:
        proof.kill()
        raise
    proof.end()


def deliver(proof: Proof, sender: Sender) -> None:
    """Send again what was not acknowledged, deliver everything, compare with what is stored."""
    assert proof.call("flush", within=ANSWER_SECONDS)["flushed"]
    for first in sorted(sender.unacknowledged):
        while not proof.offer(sender, first):
            assert proof.call("flush", within=ANSWER_SECONDS)["flushed"]
    assert proof.call("flush", within=ANSWER_SECONDS)["flushed"]
    stored = proof.call("stored")
    stored.pop("line")
    for table, counts in stored.items():
        assert counts == sender.expected, f"{table}: raw rows, different rows, sum of numbers"
