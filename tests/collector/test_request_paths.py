"""The files that a request passes, as ARCHITECTURE.md lists them: at most five rooms each, and never back up."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any, Final

import httpx
import pytest

import agenttrace_collector
from agenttrace_collector.delivery import Delivery
from agenttrace_collector.journal import Journal
from agenttrace_collector.query import Reader
from agenttrace_collector.server.lazy_app import LazyApp
from agenttrace_schemas.rules import Policy
from tests.architecture.floors import FLOOR
from tests.architecture.source import ROOT
from tests.support.api import application
from tests.support.database import migrated
from tests.support.otlp import STEP, ASpan, traces
from tests.support.receivers import Settings, receivers
from tests.support.storage import open_journal

PACKAGE: Final = f"{Path(agenttrace_collector.__file__).parent}/"
PAGE: Final = (ROOT / "collector" / "ARCHITECTURE.md").read_text(encoding="utf-8")
MOST_ROOMS: Final = 5


def ways() -> dict[str, list[str]]:
    """The listed files of each request, in order."""
    _, _, rest = PAGE.partition("## The files that a request passes")
    section, _, _ = rest.partition("\n## ")
    bullets = re.findall(r"^- \*\*(.+?)\*\*(.*?)(?=^- |\Z)", section, re.MULTILINE | re.DOTALL)
    return {title: re.findall(r"\]\(agenttrace_collector/([\w/]+\.py)\)", text) for title, text in bullets}


def room(file: str) -> str:
    """The room that a file stands in."""
    return file.partition("/")[0].removesuffix(".py")


class Trace:
    """The files that are called, and the calls from one room to another."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.calls: set[tuple[str, str]] = set()

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Notes a call of a function of the collector; told by the interpreter."""
        if event != "call" or not (called := _file(frame)):
            return
        self.files.add(called)
        caller = frame.f_back
        while caller is not None and not _file(caller):
            caller = caller.f_back
        if caller is not None and room(_file(caller)) != room(called):
            self.calls.add((_file(caller), called))

    def upwards(self) -> list[str]:
        """The calls from a room to one of a higher floor; a server calls the application that it was given."""
        pairs = sorted(pair for pair in self.calls if room(pair[0]) != "server")
        return [f"{one} calls {other}" for one, other in pairs if FLOOR[room(one)] > FLOOR[room(other)]]


def _file(frame: FrameType) -> str:
    name = frame.f_code.co_filename
    return name.removeprefix(PACKAGE) if name.startswith(PACKAGE) else ""


@contextmanager
def traced() -> Iterator[Trace]:
    """The calls of this thread, and of threads that start meanwhile."""
    trace = Trace()
    threading.setprofile(trace)
    sys.setprofile(trace)
    try:
        yield trace
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def test_the_listed_ways_go_down_through_five_rooms_at_most() -> None:
    """A room that was left is not entered again."""
    assert len(ways()) == 3
    for title, files in ways().items():
        rooms = [name for name, _ in groupby(map(room, files))]
        assert len(rooms) == len(set(rooms)) <= MOST_ROOMS, title


def test_a_grpc_request_passes_the_listed_files(tmp_path: Path) -> None:
    """From the socket to the journal, and on to the database."""
    database = migrated(Policy())
    with traced() as trace:
        journal = open_journal(tmp_path)
        delivery = Delivery(journal, database)
        delivery.start()
        with receivers(Settings(sink=journal)) as listening:
            listening.export(traces(ASpan(attributes=STEP)))
        asyncio.run(_delivered(delivery, journal))
    _passes(trace, "An OTLP request over gRPC")


async def _delivered(delivery: Delivery, journal: Journal) -> None:
    assert await delivery.flush(60)
    delivery.stop()
    journal.close()


@pytest.mark.parametrize(("title", "path"), [("A query of the API", "/v1/runs"), ("A page", "/runs")])
def test_a_question_passes_the_listed_files(title: str, path: str) -> None:
    """From the application to the database."""
    with traced() as trace:
        asyncio.run(_asked(path))
    _passes(trace, title)


async def _asked(path: str) -> None:
    reader = Reader(migrated(Policy()))
    making = asyncio.get_running_loop().create_future()
    making.set_result(application(reader))
    transport = httpx.ASGITransport(app=LazyApp(making))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text


def _passes(trace: Trace, title: str) -> None:
    assert [file for file in ways()[title] if file not in trace.files] == []
    assert trace.upwards() == []
