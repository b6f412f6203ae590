"""Requests of `httpx` to loopback: through no proxy, without the certificates that take 35 ms of CPU to load each time."""

from __future__ import annotations

from typing import Any

import httpx


def request(method: str, url: str, **more: Any) -> httpx.Response:
    """Any request; `more` is what `httpx.request` takes."""
    return httpx.request(method, url, **{"trust_env": False, "verify": False, "timeout": 60, **more})


def get(url: str, **more: Any) -> httpx.Response:
    """A GET request."""
    return request("GET", url, **more)


def head(url: str, **more: Any) -> httpx.Response:
    """A HEAD request."""
    return request("HEAD", url, **more)


def options(url: str, **more: Any) -> httpx.Response:
    """An OPTIONS request."""
    return request("OPTIONS", url, **more)


def post(url: str, **more: Any) -> httpx.Response:
    """A POST request."""
    return request("POST", url, **more)
