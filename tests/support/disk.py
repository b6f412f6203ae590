"""A small disk, and a collector that fills it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.collector import Collector
from tests.support.on_server import send

# The reserve of a collector is 32 MiB.
COLLECTORS_DISK_MIB = 64
REFUSALS = 5
_IN_REQUEST = 500


@contextmanager
def small_disk(path: Path, size_mib: int) -> Iterator[Path]:
    """A small tmpfs; without the right to mount one there is nothing to prove."""
    mount = shutil.which("mount")
    path.mkdir()
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    command = [mount, "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0700", "tmpfs", str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def fill_collector(collector: Collector, seeds: Iterator[int], token: str = "") -> int:
    """Spans that were acknowledged before nothing more went in; every refusal says when to come again."""
    sent = refused = 0
    while refused < REFUSALS:
        try:
            sent += send(collector, [next(seeds)], _IN_REQUEST, token)
        except grpc.RpcError as error:
            if not _says_when(error):
                raise
            refused += 1
    return sent


def _says_when(error: Any) -> bool:
    """Whether a failure asks to come again, and after what delay."""
    later = error.code() is grpc.StatusCode.UNAVAILABLE
    return later and b"RetryInfo" in dict(error.trailing_metadata())["grpc-status-details-bin"]
