"""Processes made by `multiprocessing` and `os.fork`: each sends what it recorded, over connections of its own.

A worker of a pool is killed when the pool ends, and no worker runs the interpreter's own end, so that what waits in
it would be lost: it sends as each of its runs ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any, Final

from opentelemetry import _logs

from agenttrace.delivery import session_of
from agenttrace.flushing import flush
from agenttrace.providers import known_providers

# A run waits for so long at its end, with a collector that is slow or away.
_RUN_SECONDS: Final = 2.0
_END_SECONDS: Final = 5.0
_registered = False


class _Anchor:
    """What `multiprocessing` keeps our function for."""


_ANCHOR: Final = _Anchor()


def follow_forks() -> None:
    """Set workers up when they start, from the first call on."""
    global _registered  # noqa: PLW0603 - the interpreter keeps what is registered, once
    if _registered:
        return
    _registered = True
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_renew_connections)
    # Loaded here, so that a process that is never configured does not pay for it.
    from multiprocessing import util  # noqa: PLC0415 - as above

    util.register_after_fork(_ANCHOR, _flush_at_end)
    if is_worker():
        _flush_at_end(_ANCHOR)


def is_worker() -> bool:
    """Whether `multiprocessing` has made this process."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def flush_worker() -> None:
    """Send what a run recorded, as it ends; for processes that `is_worker` says are workers."""
    flush(_RUN_SECONDS)


def _flush_at_end(_: _Anchor) -> None:
    from multiprocessing import util  # noqa: PLC0415 - as above

    util.Finalize(None, flush, (_END_SECONDS,), exitpriority=10)


def _renew_connections() -> None:
    """A connection is one process's: two that share it would read each other's answers."""
    for exporter in _exporters():
        session = session_of(exporter)
        for scheme, adapter in list(getattr(session, "adapters", {}).items()):
            session.mount(scheme, type(adapter)())


def _exporters() -> Iterator[Any]:
    """The exporters behind the batch processors of every provider."""
    for provider in (*known_providers(), _logs.get_logger_provider()):
        active = getattr(provider, "_active_span_processor", None)
        processors = active or getattr(provider, "_multi_log_record_processor", None)
        for processor in (
            *getattr(processors, "_span_processors", ()),
            *getattr(processors, "_log_record_processors", ()),
        ):
            batch = getattr(processor, "_batch_processor", processor)
            yield getattr(batch, "_exporter", None) or getattr(processor, "span_exporter", None)
