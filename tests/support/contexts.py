"""OpenTelemetry contexts, attached for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.context import Context, attach, detach


@contextmanager
def attached(context: Context) -> Iterator[None]:
    """The context is current inside."""
    token = attach(context)
    try:
        yield
    finally:
        detach(token)
