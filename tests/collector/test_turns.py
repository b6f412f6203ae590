"""Turns by tenant, and decoding in turns: none waits behind all that another sends."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace_collector.receivers.decoder import Decoder
from agenttrace_collector.receivers.fair_queue import Turns

MIB = 1024 * 1024


def test_one_tenant_leaves_places_for_the_next() -> None:
    """Whatever it asks for; a single place may be anyone's."""

    async def play() -> None:
        turns = Turns(64)
        async with AsyncExitStack() as stack:
            for _ in range(48):
                await stack.enter_async_context(turns.take_turn("greedy", 0.01))
            with pytest.raises(TimeoutError):
                await stack.enter_async_context(turns.take_turn("greedy", 0.01))
            for _ in range(8):
                await stack.enter_async_context(turns.take_turn("late", 0.01))
        async with Turns(1).take_turn("anyone", 0.01):
            pass

    asyncio.run(play())


def test_a_free_place_goes_to_who_has_the_fewest() -> None:
    """Not to who has waited longest, and each tenant's in the order they came."""

    async def play() -> None:
        turns, order = Turns(2), list[str]()

        async def use(tenant: str, name: str) -> None:
            async with turns.take_turn(tenant):
                order.append(name)
                await asyncio.sleep(0)

        names = [("a", f"a{number}") for number in range(6)] + [("b", "b0"), ("b", "b1")]
        await asyncio.gather(*(use(tenant, name) for tenant, name in names))
        assert order.index("b0") == 2
        assert [name for name in order if name[0] == "a"] == [f"a{number}" for number in range(6)]

    asyncio.run(play())


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 3)), max_size=40),
)
def test_places_are_never_lost_nor_doubled(places: int, users: list[tuple[str, bool, int]]) -> None:
    """Whoever gives up, is cancelled or fails."""

    async def play() -> None:
        turns, held = Turns(places), Counter[str]()

        async def use(tenant: str, *, fails: bool, steps: int) -> None:
            async with turns.take_turn(tenant):
                held[tenant] += 1
                assert held.total() <= places
                for _ in range(steps):
                    await asyncio.sleep(0)
                held[tenant] -= 1
                if fails:
                    raise ValueError

        tasks = [asyncio.create_task(use(name, fails=fails, steps=steps)) for name, fails, steps in users]
        await asyncio.sleep(0)
        for task, (_, is_cancelled, steps) in zip(tasks, users, strict=True):
            if is_cancelled and steps == 3 and not task.done():
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Every place is free again.
        async with AsyncExitStack() as stack:
            for number in range(places):
                await stack.enter_async_context(turns.take_turn(str(number), 0.1))

    asyncio.run(play())


def test_a_tenant_decodes_beside_the_queue_of_another() -> None:
    """After what is under way, before what waits."""

    async def play() -> None:
        gate, order = threading.Event(), list[str]()
        with Decoder() as decoder:

            def work(name: str) -> None:
                gate.wait(10)
                order.append(name)

            greedy = [asyncio.create_task(decoder.run(lambda: work("greedy"), "a", 1)) for _ in range(20)]
            await asyncio.sleep(0)
            other = asyncio.create_task(decoder.run(lambda: work("other"), "b", 1))
            await asyncio.sleep(0)
            gate.set()
            await asyncio.gather(*greedy, other)
        assert order.index("other") <= 2

    asyncio.run(play())


def test_small_bodies_are_decoded_beside_large_ones() -> None:
    """Also those of the same tenant."""

    async def play() -> None:
        gate = threading.Event()
        with Decoder() as decoder:
            large = asyncio.create_task(decoder.run(lambda: gate.wait(10), "a", 8 * MIB))
            await asyncio.sleep(0)
            assert await asyncio.wait_for(decoder.run(lambda: "done", "a", 1000), 5) == "done"
            assert not large.done()
            gate.set()
            assert await large

    asyncio.run(play())
