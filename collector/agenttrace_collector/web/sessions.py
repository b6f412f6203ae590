"""Sessions of browsers: a random id in a cookie stands for a token, which stays out of the browser."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

COOKIE: Final = "agenttrace_session"
LIFETIME_SECONDS: Final = 12 * 3_600
_MOST: Final = 10_000


class _Session(NamedTuple):
    token_digest: bytes
    ends: float


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of one process, none of which outlives it; only digests of ids and tokens are held."""

    now: Callable[[], float] = time.monotonic
    _open: dict[bytes, _Session] = field(default_factory=dict)

    def start(self, token_digest: bytes) -> str:
        """The id of a new session of a token; of very many the oldest ends."""
        if len(self._open) >= _MOST:
            del self._open[next(iter(self._open))]
        session_id = secrets.token_urlsafe(32)
        self._open[_digest(session_id)] = _Session(token_digest, self.now() + LIFETIME_SECONDS)
        return session_id

    def token_digest(self, session_id: str) -> bytes | None:
        """The digest of the session's token, None for a session that is unknown or over."""
        session = self._open.get(_digest(session_id))
        if session is not None and session.ends <= self.now():
            self.end(session_id)
            return None
        return session.token_digest if session else None

    def end(self, session_id: str) -> None:
        """End a session, if there is one."""
        self._open.pop(_digest(session_id), None)


def _digest(session_id: str) -> bytes:
    return sha256(session_id.encode("utf-8", "replace")).digest()
