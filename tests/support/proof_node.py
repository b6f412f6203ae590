"""A process that is journal, delivery and a real ClickHouse engine, told what to do line by line.

`python -m tests.support.proof_node DIRECTORY` reads JSON lines on standard input and answers each on
standard output when it is done; many may be under way. The tables are plain MergeTrees in the shape
of ours, so that a row that is stored twice is counted twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from agenttrace_collector.clickhouse.verify import TablePresence
from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.delivery import Delivery, DeliveryOptions
from agenttrace_collector.errors import Unavailable
from agenttrace_collector.journal import Journal, JournalOptions, Layout, current_layouts
from tests.support.storage import DECISIONS, LINKS, batch, decision, link

TABLES = (DECISIONS, LINKS)
OPTIONS = DeliveryOptions(block_age=0.02, first_delay=0.02, longest_delay=0.5)
_MONTH = 31 * 24 * 3600 * 10**9
_MIB = 1024 * 1024


class Faulty:
    """The engine, except that it may be away or lose its answers."""

    def __init__(self, directory: Path) -> None:
        self._client = clickhouse_connect.get_client(dsn=f"chdb://{directory}")
        self.away = False
        self.answers_to_lose = 0

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Insert as the collector does."""
        if self.away:
            message = "away"
            raise Unavailable(message)
        settings = {"async_insert": 0, "insert_deduplication_token": token}
        try:
            self._client.raw_insert(
                table, column_names=list(columns), insert_block=data, fmt="RowBinary", settings=settings
            )
        except ClickHouseError as error:
            message = "the engine failed"
            raise Unavailable(message) from error
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            message = "the answer is lost"
            raise Unavailable(message)

    def query(self, statement: str) -> Sequence[Sequence[object]]:
        """The rows of an answer."""
        return self._client.query(statement).result_rows

    def create(self, layout: Layout) -> None:
        """A table of this layout, in plain MergeTree, partitioned so that a block makes several parts."""
        columns = ", ".join(f"{name} {kind}" for name, kind in layout.columns)
        time = next(name for name, kind in layout.columns if kind.startswith("DateTime64"))
        self._client.command(
            f"CREATE TABLE IF NOT EXISTS {layout.table} ({columns}) ENGINE = MergeTree"
            f" ORDER BY {layout.names[0]} PARTITION BY toYYYYMM({time})"
            " SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1"
        )


class Node:
    """Does what the lines say."""

    def __init__(self, directory: Path, settings: dict[str, Any]) -> None:
        self._database = Faulty(directory / "data")
        self._database.away = bool(settings.pop("away", False))
        layouts = current_layouts(1)
        for table in TABLES:
            self._database.create(layouts[table])
        options = replace(JournalOptions(Path(settings.pop("journal", directory / "journal"))), **settings)
        self._journal = Journal(options, layouts)
        self._delivery = Delivery(
            self._journal, self._database, options=OPTIONS, presence=TablePresence(self._database.query)
        )
        self._delivery.start(self._journal.open())

    async def write(self, first: int, rows: int) -> dict[str, object]:
        """Write a request of these numbers; its answer is the acknowledgement."""
        try:
            await self._journal.write(request(first, rows))
        except Unavailable as error:
            return {"retry_after": error.retry_after}
        return {}

    async def flush(self, within: float) -> dict[str, object]:
        """Deliver all that is there."""
        return {"flushed": await self._delivery.flush(within)}

    async def set(self, **switches: object) -> dict[str, object]:
        """Turn faults on and off."""
        for name, value in switches.items():
            setattr(self._database, name, value)
        return {}

    async def state(self) -> dict[str, object]:
        """Depth, counts and memory."""
        depth, progress = self._journal.depth(), self._delivery.progress()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {
            "rows": depth.rows,
            "bytes": depth.bytes,
            "file_bytes": depth.file_bytes,
            "peak_mib": peak,
            "repaired": sum(progress.repaired.values()),
            "retries": sum(progress.retries.values()),
            "answers_to_lose": self._database.answers_to_lose,
        }

    async def stored(self) -> dict[str, object]:
        """For each table: raw rows, different rows, the sum of their numbers."""
        statement = "SELECT count(), uniqExact(span_id), sum(span_id) FROM"
        return {table: list(self._database.query(f"{statement} {table}")[0]) for table in TABLES}

    def close(self) -> None:
        """Stop in order."""
        self._delivery.stop()
        self._journal.close()


def request(first: int, rows: int) -> Batch:
    """Decisions and links with numbers from `first`, spread over three months."""
    numbers = range(first, first + rows)
    decisions = [decision(number, at=(number % 3) * _MONTH) for number in numbers]
    links = [link(number, at=(number % 3) * _MONTH) for number in numbers]
    return batch(first.to_bytes(16, "big"), **{DECISIONS: decisions, LINKS: links})


async def main(directory: Path, settings: dict[str, Any]) -> None:
    """Serve until standard input ends."""
    node = Node(directory, settings)
    answer({"ready": True})
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async with asyncio.TaskGroup() as tasks:
        while line := await reader.readline():
            command = json.loads(line)
            tasks.create_task(obey(getattr(node, command.pop("do")), command))
    node.close()


async def obey(do: Callable[..., Awaitable[dict[str, object]]], command: dict[str, Any]) -> None:
    """Do it and answer with the number of the line."""
    number = command.pop("line")
    answer({"line": number, **await do(**command)})


def answer(fields: dict[str, object]) -> None:
    """One line, all of it or none."""
    os.write(1, (json.dumps(fields) + "\n").encode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
