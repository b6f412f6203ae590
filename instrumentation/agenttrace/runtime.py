"""What every part of this package works with in a process: settings, clock, ids, logger, counters."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from opentelemetry._logs import Logger, get_logger

from agenttrace.counts import Counters, Counts
from agenttrace.ids import new_id
from agenttrace.settings import Settings, SettingsReader
from agenttrace_schemas.texts import REDACTED, identifier

SCOPE_NAME: Final = "agenttrace"
LOGGER: Final = logging.getLogger(SCOPE_NAME)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of one process; `now` is nanoseconds since 1970, `logger` carries log events."""

    settings: Settings = field(default_factory=Settings)
    now: Callable[[], int] = time.time_ns
    new_id: Callable[[], str] = new_id
    logger: Logger = field(default_factory=lambda: get_logger(SCOPE_NAME))
    counters: Counters = field(default_factory=Counters)

    def name(self, value: object) -> str:
        """An enforced name; what is no identifier becomes `_redacted` and is counted."""
        kept = identifier(value) if isinstance(value, str) else REDACTED
        if kept is REDACTED:
            self.counters.redacted()
        return kept


_active: Runtime | None = None


def active() -> Runtime:
    """The runtime of this process, made from the environment at first use; never raises."""
    return _active or activate(_from_environment())


def activate(runtime: Runtime) -> Runtime:
    """Make this the runtime of the process."""
    global _active  # noqa: PLW0603 - the one piece of state that module-level functions need
    _active = runtime
    return runtime


def counters() -> Counts:
    """What was recorded, refused or could not be carried so far in this process."""
    return active().counters.snapshot()


def _from_environment() -> Runtime:
    reader = SettingsReader()
    settings = reader.read()
    for fault in reader.faults:
        LOGGER.warning("%s; the default is used", fault)
    return Runtime(settings)


def _after_fork() -> None:
    if _active:
        _active.counters.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
