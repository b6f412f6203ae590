"""`agenttrace demo`: see the whole path in under a minute."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.database import open_database
from agenttrace_collector.config import ConfigError
from agenttrace_collector.config.sections import ClickHouseExporter as Exporter
from agenttrace_collector.demo.report import print_report
from agenttrace_collector.demo.run import SENDERS, DemoDirectory, DemoFailed, collector, command, send
from agenttrace_collector.demo.search import search

_WIDTH: Final = 120
_PAGES: Final = "http://127.0.0.1:8400/"


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave a collector up on what was stored.")] = False,  # noqa: FBT002
) -> None:
    """Run six real senders against a real collector, then print what SQL on its database says."""
    console = _console()
    place = DemoDirectory(Path(tempfile.mkdtemp(prefix="agenttrace-demo-")))
    try:
        database = open_database(Exporter(endpoint=f"chdb://{place.data}"))
        _fill(place, console)
        _report(database, place, console)
    except (ConfigError, DemoFailed) as error:
        console.print(f"[red]demo failed:[/] {error}")
        raise typer.Exit(1) from None
    if keep:
        _leave_up(place, console)
    console.print(f"The same as pages, on these data: agenttrace demo --keep, then {_PAGES}")
    shutil.rmtree(place.directory)


def _console() -> Console:
    """Wide enough for the tables where the output is no terminal, which then has no width."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def _fill(place: DemoDirectory, console: Console) -> None:
    started = time.monotonic()
    with (
        console.status("starting a collector on an embedded ClickHouse …") as status,
        collector(place) as grpc,
    ):
        console.print(f"collector up on {grpc} after {time.monotonic() - started:.1f} s")
        for sender in SENDERS:
            status.update(f"sending: {sender.title} …")
            sent = time.monotonic()
            send(sender, grpc, place)
            console.print(f"sent over OTLP/gRPC: {sender.title} ({time.monotonic() - sent:.1f} s)")
        status.update("stopping the collector: what it acknowledged is delivered first …")
    console.print()


def _report(database: ClickHouse, place: DemoDirectory, console: Console) -> None:
    print_report(database, console)
    looked = search(database, place.directory)
    console.print(
        f"{looked.sent:,} texts in what the coding agents sent bear the word CANARY: prompts, answers, commands. Found in"
        f" {looked.rows:,} rows of {looked.tables} tables and in {looked.files:,} files: {looked.found}."
    )
    console.print("Times of the replayed runs are evenly spaced over 14 days: the published data hold none.")
    database.close()


def _leave_up(place: DemoDirectory, console: Console) -> None:
    """Become the collector of this database, on the usual ports, until Ctrl-C."""
    console.print(f"\nA collector goes on with these data in {place.directory}; Ctrl-C ends it.")
    console.print(f"Pages: {_PAGES}; SQL: http://127.0.0.1:8123; from the shell: agenttrace stats")
    console.print("Send to 127.0.0.1:4317 (gRPC) or :4318 (HTTP); state: http://127.0.0.1:13133")
    console.file.flush()
    arguments = command(place.settings)
    os.execv(arguments[0], arguments)  # noqa: S606 - our own module
