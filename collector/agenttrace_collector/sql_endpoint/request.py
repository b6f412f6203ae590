"""Reads the request of a ClickHouse client: statement, format, compression, credentials."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from agenttrace_collector.errors import Throttled, TooLarge, Unavailable
from agenttrace_collector.receivers.body import coding_of, read_body
from agenttrace_collector.server.inflate import inflate
from agenttrace_collector.sql_endpoint.frames import unpack
from agenttrace_collector.sql_endpoint.problems import bad_argument
from agenttrace_collector.sql_endpoint.settings import may_be_set

_LARGEST: Final = 1024 * 1024
# A statement of a person or a dashboard.
_SMALL_BYTES: Final = 64 * 1024
_READ_SECONDS: Final = 30.0
_VALUE: Final = re.compile(r"[A-Za-z0-9_/+-]{1,64}")
_PARAMETER: Final = re.compile(r"param_\w{1,64}", re.ASCII)
_REVISION: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_QUERY_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SqlRequest:
    """A statement with its format, compression and settings; `settings` include the statement's parameters."""

    text: str
    settings: Mapping[str, Any]
    form: str
    query_id: str
    revision: int = 0
    wants_frames: bool = False


async def read(request: Request, database: str, large_bodies: asyncio.Semaphore) -> SqlRequest:
    """Reads a request; raises `SqlRefused`, `TooLarge`, or `Unavailable` if its body does not arrive.

    A large body needs one of the permits of `large_bodies`.
    """
    parameters = request.query_params
    if parameters.get("database", database).lower() not in {database.lower(), "default", ""}:
        message = "database: must be the collector's own; tables of system are named in full"
        raise bad_argument(message)
    body = (await _body(request, large_bodies)) if request.method == "POST" else ""
    text = "\n".join(filter(None, (parameters.get("query", ""), body)))
    if not text.strip():
        message = "query: required, as a parameter or as the body"
        raise bad_argument(message)
    wanted = request.headers.get("x-clickhouse-format") or parameters.get("default_format") or "TabSeparated"
    query_id = parameters.get("query_id", "")
    revision = parameters.get("client_protocol_version", "")
    return SqlRequest(
        text,
        _settings(parameters),
        wanted if wanted.isalnum() else "TabSeparated",
        query_id if _QUERY_ID.fullmatch(query_id) else str(uuid.uuid4()),
        int(revision) if _REVISION.fullmatch(revision) else 0,
        wants_frames=_is_set(parameters, "compress"),
    )


def _is_set(parameters: Mapping[str, str], name: str) -> bool:
    return parameters.get(name, "0") not in {"", "0"}


async def _body(request: Request, large_bodies: asyncio.Semaphore) -> str:
    coding = coding_of(request)
    try:
        async with asyncio.timeout(_READ_SECONDS), AsyncExitStack() as stack:
            data = await read_body(request, _LARGEST, _bounded(large_bodies, stack))
    except TimeoutError:
        message = "the body took too long to arrive"
        raise Unavailable(message) from None
    try:
        # Not on the event loop, which others wait for.
        plain = await asyncio.to_thread(inflate, data, coding, _LARGEST)
        if _is_set(request.query_params, "decompress"):
            plain = await asyncio.to_thread(unpack, plain, _LARGEST)
        return plain.decode()
    except UnicodeDecodeError:
        message = "the statement has to be UTF-8"
        raise bad_argument(message) from None


def _bounded(large_bodies: asyncio.Semaphore, stack: AsyncExitStack) -> Callable[[int], Awaitable[None]]:
    """What takes a place, on the stack, when a body turns out to be large; raises `Throttled` where there is none."""
    arrived = 0

    async def take_place(size: int) -> None:
        nonlocal arrived
        before, arrived = arrived, arrived + size
        if before <= _SMALL_BYTES < arrived:
            if large_bodies.locked():
                message = f"as many statements of more than {_SMALL_BYTES} bytes are arriving as can be"
                raise Throttled(message)
            await stack.enter_async_context(large_bodies)

    return take_place


def _settings(parameters: Mapping[str, str]) -> dict[str, str]:
    # Others are passed over, as a server does for a user that may not change them.
    listed = {
        name: value for name, value in parameters.items() if may_be_set(name) and _VALUE.fullmatch(value)
    }
    bound = {name: value for name, value in parameters.items() if _PARAMETER.fullmatch(name)}
    if sum(map(len, bound.values())) > _LARGEST:
        message = f"a parameter must have at most {_LARGEST} characters"
        raise TooLarge(message)
    # Texts are UTC, whatever the host has.
    return {"session_timezone": "UTC", **listed, **bound}


def authorization(request: Request) -> str | None:
    """Returns the token, which ClickHouse clients send as a password, as a bearer token; None without one.

    Raises `SqlRefused` for a token in the URL.
    """
    headers = request.headers
    if "password" in request.query_params:
        message = "password: a token in a URL is kept by proxies and histories; send it as X-ClickHouse-Key"
        raise bad_argument(message)
    if key := headers.get("x-clickhouse-key"):
        return f"Bearer {key}"
    scheme, _, pair = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return headers.get("authorization")
    try:
        return f"Bearer {base64.b64decode(pair, validate=True).decode().partition(':')[2]}"
    except (binascii.Error, UnicodeDecodeError):
        return None
