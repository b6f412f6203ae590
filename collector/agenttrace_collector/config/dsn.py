"""The DSN of a ClickHouse server: `http(s)://user:password@host:port,host:port?option=value`, host by host.

The path is ignored: the database is set by `exporters.clickhouse.database`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

_SCHEMES: Final = {"http": 8123, "https": 8443}
# What a DSN may set of the connection; everything else is a slip or a setting that has to stay as it is.
OPTIONS: Final = (
    "ca_cert",
    "client_cert",
    "client_cert_key",
    "compress",
    "connect_timeout",
    "send_receive_timeout",
    "server_host_name",
    "verify",
)
_ALLOWED: Final = (
    "must be http(s)://user:password@host:port, more hosts after commas, and after ? any of "
    + ", ".join(OPTIONS)
)


@dataclass(frozen=True, slots=True)
class Server:
    """One host of a DSN; `options` are strings as written."""

    interface: str
    host: str
    port: int
    username: str | None
    password: str
    options: dict[str, str]

    def arguments(self) -> dict[str, Any]:
        """Returns keyword arguments of `clickhouse_connect.get_client`; options go by a DSN, which it converts."""
        dsn = "&".join(f"{name}={value}" for name, value in self.options.items())
        known = {
            "interface": self.interface,
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "password": self.password,
        }
        return {**known, "dsn": f"{self.interface}://?{dsn}"} if dsn else known


def servers(dsn: str) -> tuple[Server, ...]:
    """Parses a DSN into its hosts, in the order in which they are tried.

    Raises `ValueError`, whose text repeats nothing of the DSN, because it may hold a password.
    """
    try:
        parts = urlsplit(dsn)
        user, _, hosts = parts.netloc.rpartition("@")
        name, _, password = user.partition(":")
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        found = tuple(urlsplit(f"//{host}") for host in hosts.split(","))
        ports = [each.port or _SCHEMES[parts.scheme] for each in found]
    except (ValueError, KeyError):
        raise ValueError(_ALLOWED) from None
    if not all(each.hostname for each in found) or set(options) - set(OPTIONS):
        raise ValueError(_ALLOWED)
    return tuple(
        Server(parts.scheme, str(each.hostname), port, unquote(name) or None, unquote(password), options)
        for each, port in zip(found, ports, strict=True)
    )
