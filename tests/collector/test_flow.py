"""Flow control: limits on requests and memory, and that nothing waits without end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agenttrace_collector.errors import CollectorError, Throttled, Unavailable
from agenttrace_collector.flow import Flow, Limits
from agenttrace_collector.memory import resident_bytes

PATIENCE = 0.05


class Memory:
    """A process whose memory a test sets."""

    def __init__(self, used: int = 0) -> None:
        self.used = used

    def __call__(self) -> int:
        """The memory in use."""
        return self.used


def flow(memory: Memory, requests: int = 2) -> Flow:
    """Limits of 800 and 1,000 bytes."""
    return Flow(Limits(requests, 800, 1000), resident=memory, patience=PATIENCE)


async def refusal(attempt: Callable[[], Awaitable[None]]) -> CollectorError:
    """What an attempt is refused with."""
    with pytest.raises(CollectorError) as caught:
        await attempt()
    return caught.value


def test_a_place_is_waited_for_and_then_refused() -> None:
    """A third request of two waits a moment; when one ends in time it gets its place."""

    async def scenario() -> None:
        limited = flow(Memory())

        async def one() -> None:
            async with limited.admitted():
                pass

        async with limited.admitted():
            async with limited.admitted():
                assert isinstance(await refusal(one), Throttled)
            await one()

    asyncio.run(scenario())


def test_over_the_soft_limit_nothing_new_is_admitted() -> None:
    """Until memory is under it again."""

    async def scenario() -> None:
        memory = Memory(800)
        limited = flow(memory)

        async def one() -> None:
            async with limited.admitted():
                pass

        assert isinstance(await refusal(one), Throttled)
        memory.used = 799
        await one()

    asyncio.run(scenario())


def test_bodies_get_room_by_their_size() -> None:
    """One alone always does; a second waits until the first is decoded."""

    async def scenario() -> None:
        limited = flow(Memory(300))

        async def second() -> None:
            async with limited.room(50):
                pass

        async with limited.room(10_000):
            assert isinstance(await refusal(second), Throttled)
        async with limited.room(10):
            await second()

    asyncio.run(scenario())


def test_a_slow_body_is_given_up() -> None:
    """The sender may try again."""

    async def scenario() -> None:
        limited = flow(Memory())

        async def read() -> None:
            async with limited.reading(0.01):
                await asyncio.Event().wait()

        error = await refusal(read)
        assert isinstance(error, Unavailable)
        assert not isinstance(error, Throttled)

    asyncio.run(scenario())


def test_over_the_hard_limit_bodies_are_cut_off() -> None:
    """Those that are still arriving; what they hold is given back."""

    async def scenario() -> None:
        memory = Memory()
        limited = flow(memory)
        watching = asyncio.create_task(limited.watch(0.001))

        async def read() -> None:
            async with limited.reading(30):
                memory.used = 1000
                await asyncio.Event().wait()

        assert isinstance(await refusal(read), Throttled)
        watching.cancel()

    asyncio.run(scenario())


def test_this_process_holds_memory() -> None:
    """The number is that of the system, in bytes."""
    assert resident_bytes() > 2**20
