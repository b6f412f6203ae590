"""Options of the journal: directory, durability, limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024


class Durability(StrEnum):
    """What an acknowledgement survives.

    `fsync`: a power failure. `os`: the end of the process, however sudden; a power failure costs the
    last moments, the journal stays whole. `memory`: nothing; no file is written.
    """

    FSYNC = "fsync"
    OS = "os"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """Settings of a journal; every one but the directory has a default.

    `reserve_mib`: disk space held back so that entries can still be deleted when the disk is full.
    `window`: for how many seconds a request is recognised when it is sent again. `pending_mib`
    bounds what waits for the next commit.
    """

    directory: Path
    durability: Durability = Durability.FSYNC
    max_size_mib: int = 4096
    reserve_mib: int = 32
    pending_mib: int = 256
    window: float = 600.0
    retry_after: float = 2.0
