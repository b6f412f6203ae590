"""Flushes this process: between requests, or before it ends without the interpreter's exit handlers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from opentelemetry import _logs

from agenttrace.notices import LOGGER
from agenttrace.providers import known_providers, made_provider

_DEFAULT_SECONDS: Final = 5.0


def flush(timeout: float = _DEFAULT_SECONDS) -> bool:
    """Sends everything recorded so far and waits for it; False on a timeout.

    `timeout` is in seconds, for all providers together; sending goes on behind it. Call it before a process
    ends without the interpreter's own end (`os._exit`, a frozen Lambda, a worker that is killed). Never raises.
    """
    deadline = time.monotonic() + timeout
    # Every provider is asked, whatever another one answers.
    sent = [_within(step, deadline) for step in _steps("force_flush")]
    return all(sent)


def shutdown(timeout: float = _DEFAULT_SECONDS) -> bool:
    """Flushes, then shuts down the provider that `configure` made; False on a timeout.

    A provider of the application stays as it is: that one is for the application to shut down. `timeout` is
    in seconds. What is recorded afterwards on a provider that is shut down is lost. Never raises.
    """
    deadline = time.monotonic() + timeout
    flushed = flush(timeout)
    made = made_provider()
    return _within(made.shutdown, deadline) and flushed if made is not None else flushed


def _steps(name: str) -> Iterator[Callable[[], Any]]:
    """That method of every provider that has it."""
    for provider in (*known_providers(), _logs.get_logger_provider()):
        method = getattr(provider, name, None)
        if callable(method):
            yield method


def _within(step: Callable[[], Any], deadline: float) -> bool:
    """Whether a step is done in time; exporters wait for a collector that is away longer than anybody may."""
    done: list[bool] = []

    def run() -> None:
        try:
            done.append(step() is not False)
        except Exception as error:  # noqa: BLE001 - the border to providers of others: a flush breaks no host
            LOGGER.warning("a provider could not be flushed (%s)", type(error).__name__)

    thread = threading.Thread(target=run, name="agenttrace-flush", daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    return done == [True]
