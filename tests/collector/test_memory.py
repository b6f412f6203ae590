"""The memory of the process, as the limits of ingest see it."""

from __future__ import annotations

from agenttrace_collector.telemetry.memory import ResidentMemory, resident_bytes


def test_this_process_holds_memory() -> None:
    """The number is that of the system, in bytes."""
    assert resident_bytes() > 2**20


def test_memory_is_read_once_in_an_interval() -> None:
    """However many requests ask for it."""
    readings, times = iter([1, 2]), iter([0.0, 0.01, 0.02])
    memory = ResidentMemory(0.02, read=lambda: next(readings), clock=lambda: next(times))
    assert [memory(), memory(), memory()] == [1, 1, 2]
