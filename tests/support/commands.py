"""`agenttrace` commands in processes of their own, forked from one that has imported the libraries.

The commands are the shipped ones, from their arguments on; only the imports, two seconds of CPU each time, are done
once for all. Benches and the proofs in full (PROVE=full) start Python anew, since they measure memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Protocol

import pytest

_IMPORTED = [
    "agenttrace_collector.cli.app",
    "agenttrace_collector.service",
    "agenttrace_collector.api.app",
    "agenttrace_collector.web",
    "agenttrace_collector.sql_endpoint",
    "agenttrace_collector.clickhouse.schema",
    "numpy",
    "pyarrow",
]


class Process(Protocol):
    """What tests do with a process of a command, as `subprocess.Popen` has it."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code once it has ended; raises TimeoutExpired after so many seconds."""

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""

    def kill(self) -> None:
        """End it at once."""


class Forked:
    """A forked process with the methods of `subprocess.Popen`."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid
        self._process = process
        self.pid: int = process.pid

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code once it has ended; raises TimeoutExpired after so many seconds."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("agenttrace", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def start(
    arguments: Sequence[str], out: Path, err: Path, environment: Mapping[str, str] | None = None
) -> Process:
    """Start `agenttrace` with these arguments; what it prints is added to the files."""
    variables = dict(os.environ if environment is None else environment)
    if os.environ.get("PROVE") == "full" or "PYTEST_VERSION" not in os.environ:
        command = [sys.executable, "-m", "agenttrace_collector.cli", *arguments]
        with out.open("ab") as stdout, err.open("ab") as stderr:
            return subprocess.Popen(command, stdout=stdout, stderr=stderr, env=variables)
    process = _forking().Process(
        target=_command, args=(list(arguments), str(out), str(err), variables, str(Path.cwd())), daemon=True
    )
    process.start()
    return Forked(process)


def agenttrace(
    *arguments: str, seconds: float = 120, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `agenttrace` with these arguments to its end; its exit code and what it printed."""
    with tempfile.TemporaryDirectory(prefix="agenttrace-command-") as directory:
        out, err = Path(directory, "out"), Path(directory, "err")
        process = start(arguments, out, err, environment)
        try:
            code = process.wait(seconds)
        finally:
            process.kill()
        return subprocess.CompletedProcess(list(arguments), code, out.read_text(), err.read_text())


@cache
def _forking() -> ForkServerContext:
    """The process that forks, started with what the collector sets before it imports gRPC."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRPC_VERBOSITY", "NONE")
        forkserver.ensure_running()
    return context


def _command(
    arguments: Sequence[str], out: str, err: str, variables: Mapping[str, str], directory: str
) -> None:
    """What a forked process does."""
    from agenttrace_collector.launch import main  # noqa: PLC0415 - not imported by the process that forks

    for path, number in ((out, 1), (err, 2)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdout.reconfigure(line_buffering=False)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(directory)
    sys.argv = ["agenttrace", *arguments]
    main()
