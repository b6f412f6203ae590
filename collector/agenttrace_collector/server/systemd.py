"""systemd notifications, sent if NOTIFY_SOCKET is set."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send a state such as `READY=1` to NOTIFY_SOCKET; does nothing without one."""
    path = environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    # A leading @ stands for the null byte of an abstract socket.
    target = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), target)
