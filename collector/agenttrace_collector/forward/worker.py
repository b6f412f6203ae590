"""Sends the entries of one exporter's queue in order, again until the receiver has them or refuses them for good."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from agenttrace_collector.config.pipelines import Retry
from agenttrace_collector.delivery.backoff import Backoff
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_collector.forward.export import Client
from agenttrace_collector.journal.forwarding import ForwardQueue

_log: Final = logging.getLogger(__name__)
_REQUEST_BYTES: Final = 2 * 1024 * 1024
_POLL_SECONDS: Final = 0.2


class Forwarder:
    """One queue and one client, on a thread of its own: one that is away holds up no other."""

    def __init__(self, queue: ForwardQueue, client: Client, retry: Retry) -> None:
        self._queue = queue
        self._client = client
        self._retry = retry
        self._backoff = Backoff(retry.initial_interval, retry.max_interval)
        self._failing_since = 0.0
        self._delay = _POLL_SECONDS
        self._stopping = threading.Event()
        name = queue.options.name
        self._thread = threading.Thread(target=self._run, name=f"forward {name}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Send what is there as far as it is taken at once; the rest stays in the journal."""
        self._stopping.set()
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._client.close()

    def _run(self) -> None:
        while True:
            try:
                moved = self._step()
            except Exception as error:  # noqa: BLE001 - the worker loop: no entry may end it
                moved = False
                self._put_off(error)
            if not moved and (self._stopping.wait(self._delay) or self._stopping.is_set()):
                return

    def _step(self) -> bool:
        """Sends what is next; False where nothing waits."""
        entries = self._queue.next(_REQUEST_BYTES)
        if entries is None:
            self._delay = _POLL_SECONDS
            return False
        try:
            refused = min(entries.rows, self._client.send(self._queue.options.signal, entries.data))
        except Rejected as error:
            _log.warning(
                "%s: refuses %d records for good (%s)", self._queue.options.name, entries.rows, error
            )
            refused = entries.rows
        except Unavailable as error:
            if not self._has_given_up():
                raise
            _log.warning("%s: %d records are given up (%s)", self._queue.options.name, entries.rows, error)
            refused = entries.rows
        self._queue.finish(entries, refused)
        self._backoff.reset()
        self._failing_since = 0.0
        return True

    def _has_given_up(self) -> bool:
        if not self._retry.enabled:
            return True
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        longest = self._retry.max_elapsed_time
        return bool(longest) and now - self._failing_since > longest

    def _put_off(self, error: Exception) -> None:
        asked = error.retry_after if isinstance(error, Unavailable) else 0.0
        self._delay = max(asked, self._backoff.next())
        reason = str(error) if isinstance(error, Unavailable) else type(error).__name__
        _log.warning(
            "%s waits, attempt %d failed (%s), next in %.1f s",
            self._queue.options.name,
            self._backoff.attempts,
            reason,
            self._delay,
        )
