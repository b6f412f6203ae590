"""Protects every HTTP listener from web pages of other sites that a user's browser shows.

A page can make the browser send requests to this machine, and read the answers if a name of its own resolves to
it (DNS rebinding). A name is needed for that, so that IP literals and `localhost` as the Host are safe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SETTING: Final = "extensions.auth.allowed_hosts"
# Load balancers and orchestrators ask these by any name; they answer with the state of the collector alone.
PROBES: Final = frozenset({"/ping", "/replicas_status", "/health"})
# What an answer carries unless it says otherwise.
DEFAULT_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    # With no referrer at all, a form of our own would name no origin either.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_PORT: Final = re.compile(r":[0-9]*$")
_HOST: Final = (
    "403: without tokens the Host of a request must be localhost, an IP address or a name of"
    f" {SETTING}; a web page of another site cannot use such a name\n"
)
_ORIGIN: Final = (
    "403: requests that a web page of another origin makes are refused; origins that may send OTLP are those of"
    " receivers.otlp.protocols.http.cors.allowed_origins\n"
)


@dataclass(frozen=True, slots=True)
class BrowserRules:
    """Which hosts and origins requests may name.

    `is_open` is true while requests need no token; `hosts` are names, `*.example.org` stands for all below that one.
    """

    is_open: Callable[[], bool]
    hosts: tuple[str, ...] = ()

    def allows_host(self, host: str) -> bool:
        """Whether a Host header, port included, may be answered; without tokens few may."""
        if not self.is_open():
            return True
        name = _PORT.sub("", host).rstrip(".").lower()
        return name == "localhost" or _is_address(name) or self._is_listed(name)

    def allows_origin(self, headers: Headers, origins: re.Pattern[str] | None) -> bool:
        """Whether a request comes from no page, from one of our own, or from an origin of `origins`."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is None:
            # A link to a page of ours may stand anywhere; what a page embeds or fetches may not.
            return site in {None, "same-origin", "none"} or headers.get("sec-fetch-mode") == "navigate"
        if origins is not None and origins.fullmatch(origin):
            return True
        return site == "same-origin" or self._is_own(origin, headers.get("host", ""))

    def _is_own(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
            return bool(parts.netloc) and (parts.netloc == host or self._is_listed(parts.hostname or ""))
        except ValueError:
            return False

    def _is_listed(self, name: str) -> bool:
        return any(
            name.endswith(listed[1:]) if listed.startswith("*.") else name == listed for listed in self.hosts
        )


@dataclass(frozen=True, slots=True)
class BrowserGuard:
    """Answers for an application where `rules` refuse a request, and adds the headers that browsers heed."""

    app: ASGIApp
    rules: BrowserRules
    origins: re.Pattern[str] | None = None
    probes: frozenset[str] = PROBES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        app = self.app if scope["type"] != "http" else self._refusal(scope) or self.app

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in DEFAULT_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await app(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if scope["path"] in self.probes and scope["method"] in {"GET", "HEAD"}:
            return None
        # Every browser names a host; HTTP/1.0 clients may name none.
        if "host" in headers and not self.rules.allows_host(headers["host"]):
            return PlainTextResponse(_HOST, 403)
        if not self.rules.allows_origin(headers, self.origins):
            return PlainTextResponse(_ORIGIN, 403)
        return None


def origins_pattern(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern of all origins, None for none; `*` stands for any part of one, as in `https://*.example.org`."""
    parts = [re.escape(each).replace(r"\*", "[^/]*" if "/" in each else ".*") for each in patterns]
    return re.compile("|".join(parts)) if parts else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
