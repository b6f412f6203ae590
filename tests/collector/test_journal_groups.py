"""Group commit: requests that come together share a commit and entries; a lone one waits for nobody."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from agenttrace_collector.journal.groups import Crowd, Groups, Task
from tests.collector.test_journal import write
from tests.support.storage import DECISIONS, Clock, batch, decision, links, open_journal

# Nobody waits for so long; a test that did would fail by its own limit.
_FOREVER = 3600.0
_SIZE = 100


def entries(directory: Path) -> list[int]:
    """The rows of each entry in the journal's file."""
    with sqlite3.connect(directory / "journal.db") as connection:
        return [rows for (rows,) in connection.execute("SELECT rows FROM entries ORDER BY id")]


def test_small_requests_of_one_commit_share_an_entry(tmp_path: Path) -> None:
    """Each request by itself has its own."""
    journal = open_journal(tmp_path)
    write(journal, links([0]))
    write(journal, *(links([number], bytes([number])) for number in range(1, 4)))
    journal.close()
    # The writer may have begun with the first of them.
    assert sorted(entries(tmp_path)) in ([1, 3], [1, 1, 2])


def test_a_large_request_has_its_own_entry(tmp_path: Path) -> None:
    """So that blocks stay as large as they are wanted."""
    journal = open_journal(tmp_path)
    many = {DECISIONS: [decision(number) for number in range(400)]}
    write(journal, batch(b"a", **many), batch(b"b", **many))
    journal.close()
    assert entries(tmp_path) == [400, 400]


def test_a_crowd_is_forgotten_after_two_seconds() -> None:
    """The most that waited at once, as of late."""
    clock = Clock()
    crowd = Crowd(lambda: clock() / 1e9)
    crowd.count(5)
    clock.pass_seconds(1.5)
    crowd.count(2)
    assert crowd.size == 5
    clock.pass_seconds(1.5)
    crowd.count(1)
    assert crowd.size == 2


def submit(groups: Groups) -> asyncio.Future[None]:
    """A request, on the running event loop."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    groups.submit(Task(lambda *_: None, _SIZE, b"", future, loop))
    return future


async def commit(groups: Groups, *requests: asyncio.Future[None]) -> int:
    """Take a group and tell these requests, which are in it, that it is committed; how many tasks it had."""
    group = await asyncio.to_thread(groups.take)
    groups.tell((task, None) for task in group)
    await asyncio.gather(*requests)
    return len(group)


def test_a_group_waits_for_as_many_as_waited_together_before() -> None:
    """Two of them; the third is alone once they are answered, and waits for another."""

    async def scenario() -> None:
        groups = Groups(1 << 20, gather=_FOREVER)
        assert await commit(groups, submit(groups), submit(groups)) == 2
        third = submit(groups)
        with ThreadPoolExecutor(1) as pool:
            taking = asyncio.get_running_loop().run_in_executor(pool, groups.take)
            fourth = submit(groups)
            group = await taking
        assert [task.future for task in group] == [third, fourth]

    asyncio.run(scenario())


def test_a_lone_request_waits_for_nobody() -> None:
    """Again and again."""

    async def scenario() -> None:
        groups = Groups(1 << 20, gather=_FOREVER)
        for _ in range(3):
            assert await commit(groups, submit(groups)) == 1

    asyncio.run(scenario())


def test_work_of_delivery_waits_for_nobody() -> None:
    """However many requests waited together just before."""

    async def scenario() -> None:
        groups = Groups(1 << 20, gather=_FOREVER)
        await commit(groups, submit(groups), submit(groups))
        groups.submit(Task(lambda *_: None, 0, b"", Future()))
        assert await commit(groups) == 1

    asyncio.run(scenario())
