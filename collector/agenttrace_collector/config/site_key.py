"""The key of a site's HMACs: as configured, else from a file beside the embedded database, created at first start."""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from agenttrace_collector.config.directories import data_directory
from agenttrace_collector.config.problems import ConfigError, Position, Problem
from agenttrace_collector.config.sections import Config

_log: Final = logging.getLogger(__name__)
_SETTING: Final = "processors.enforce.site_key"
_BYTES: Final = 32
_MODE: Final = 0o600
_LONGEST: Final = 4_096


def site_key(config: Config, *, make: bool = False) -> bytes:
    """Returns the key, empty if there is none. With `make`, a missing key of an embedded database is created.

    Raises `ConfigError` if the key's file cannot be read or written.
    """
    configured, clickhouse = config.processors.enforce.site_key, config.exporters.clickhouse
    if configured and configured.get_secret_value():
        return configured.get_secret_value().encode()
    if not clickhouse.embedded:
        return b""
    file = key_file(clickhouse.endpoint)
    try:
        if make:
            with suppress(FileExistsError):
                _make(file)
        return _read(file)
    except FileNotFoundError:
        return b""
    except OSError as error:
        reason = f"its file cannot be used ({type(error).__name__})"
        raise ConfigError([Problem(Position(str(file)), _SETTING, reason)]) from error


def warn_without_key(config: Config) -> None:
    """Warns that conversation ids are not stored if several collectors may share a database and no key is configured."""
    if config.exporters.clickhouse.endpoint.startswith("http") and not site_key(config):
        _log.warning(
            "%s is not configured: conversation ids are not stored, and names that stand for others have no"
            " digits; every collector of a database needs the same key",
            _SETTING,
        )


def key_file(endpoint: str) -> Path:
    """Returns the path of the key of an embedded database: beside it, so that a copy of the rows does not contain it."""
    data = data_directory(endpoint)
    return data.with_name(f"{data.name}.site-key")


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE)
    with os.fdopen(handle, "wb") as opened:
        opened.write(secrets.token_hex(_BYTES).encode())
        opened.flush()
        os.fsync(opened.fileno())


def _read(file: Path) -> bytes:
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:
        return opened.read(_LONGEST).strip()
