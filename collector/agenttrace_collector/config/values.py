"""The value types of the configuration: durations, network addresses, endpoints of databases."""

from __future__ import annotations

import re
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from agenttrace_collector.config.dsn import servers

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", re.ASCII)
_HOST_PORT: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", re.ASCII)
_LARGEST_PORT: Final = 65_535
_LOOPBACK: Final = re.compile(r"localhost|127\.[0-9.]+|::1", re.ASCII)


class Address(NamedTuple):
    """A host and a port to listen on; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return _LOOPBACK.fullmatch(self.host) is not None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(endpoint: str) -> Address:
    """Parses `host:port`; raises `ValueError` for anything else."""
    match = _HOST_PORT.fullmatch(endpoint)
    if not match or int(match[2]) > _LARGEST_PORT:
        message = "must be host:port, such as 127.0.0.1:4317"
        raise ValueError(message)
    return Address(match[1].strip("[]"), int(match[2]))


def _is_address(endpoint: str) -> str:
    address(endpoint)
    return endpoint


def _seconds(value: object) -> object:
    if isinstance(value, float):
        return value
    parts = _PART.findall(value) if isinstance(value, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        message = "must be a duration with its unit, such as 500ms, 0.5s, 30s, 1h30m or 90d"
        raise ValueError(message)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _is_database(endpoint: str) -> str:
    scheme, separator, rest = endpoint.partition("://")
    if scheme == "chdb" and rest:
        return endpoint
    if scheme == "null" and separator and not rest:
        return endpoint
    if scheme in {"http", "https"}:
        servers(endpoint)
        return endpoint
    message = "must be chdb://directory, http(s)://user:password@host:port or null://"
    raise ValueError(message)


# A number of seconds, written with its unit.
Duration = Annotated[float, BeforeValidator(_seconds), Field(description="duration")]
# The name of a host, without a port; `*.example.org` stands for all below that one.
HostName = Annotated[
    str,
    BeforeValidator(lambda name: name.lower() if isinstance(name, str) else name),
    Field(pattern=r"^(\*\.)?[a-z0-9]([a-z0-9_.-]{0,251}[a-z0-9])?$", description="host name"),
]
# `host:port` to listen on.
Endpoint = Annotated[str, AfterValidator(_is_address), Field(description="host:port")]
# Where rows go: `chdb://directory`, `http(s)://…`, or `null://`, which swallows them (bench only).
DatabaseEndpoint = Annotated[
    str,
    AfterValidator(_is_database),
    Field(description="`chdb://directory`, `http(s)://user:password@host:port` or `null://`"),
]
