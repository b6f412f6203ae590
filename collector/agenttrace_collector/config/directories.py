"""Prepares the directories of the database and the journal, and checks that no other user can replace them."""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from agenttrace_collector.config.problems import ConfigError, Position, Problem
from agenttrace_collector.config.sections import Config

EMBEDDED: Final = "chdb://"
DATABASE_SETTING: Final = "exporters.clickhouse.endpoint"
JOURNAL_SETTING: Final = "journal.directory"
_MODE: Final = 0o700
_ROOT: Final = 0
_log: Final = logging.getLogger(__name__)


def data_directory(endpoint: str) -> Path:
    """Returns the directory of an embedded database; a relative path is relative to the working directory."""
    return Path(endpoint.removeprefix(EMBEDDED)).absolute()


def prepare_directory(directory: Path, setting: str) -> None:
    """Creates the directory, for this user alone, if it is missing; raises `ConfigError` if others can replace its files.

    A volume's root directory may belong to root; any other owner could change it. `setting` is named in the error.
    """
    try:
        directory.mkdir(mode=_MODE, parents=True, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        raise _problem(directory, setting, f"it cannot be used ({type(error).__name__})") from None
    if found.st_mode & stat.S_IWOTH:
        raise _problem(directory, setting, "every user of this machine can write there: chmod o-w")
    if found.st_uid not in {os.geteuid(), _ROOT}:
        raise _problem(directory, setting, "it belongs to another user, who can change what is stored there")


def refuse_links(directory: Path, setting: str) -> None:
    """Raises `ConfigError` if a file in the directory is a link, because writing would overwrite its target."""
    if any(file.is_symlink() for file in directory.iterdir()):
        raise _problem(directory, setting, "a link stands in it, and links are not followed")


def refuse_followed_links(directory: Path, database: str) -> None:
    """Raises `ConfigError` if an embedded database was copied as if its links were folders: the engine cannot open that."""
    folder = directory / "metadata" / database
    if folder.is_dir() and not folder.is_symlink() and (directory / "store").is_dir():
        message = "it was copied with its links followed: copy it again with its links, as cp -a does"
        raise _problem(directory, DATABASE_SETTING, message)


def warn_if_readable(config: Config) -> None:
    """Warns of directories that other users can read; those that this version creates are this user's alone."""
    clickhouse = config.exporters.clickhouse
    kept = {JOURNAL_SETTING: config.journal.directory}
    if clickhouse.embedded:
        kept[DATABASE_SETTING] = data_directory(clickhouse.endpoint)
    for setting, directory in kept.items():
        with suppress(FileNotFoundError):
            if directory.stat().st_mode & stat.S_IXOTH:
                _log.warning("%s: every user of this machine can read %s: chmod o-rx", setting, directory)


def warn_of_old_place(endpoint: str, database: str) -> None:
    """Warns if a database of 0.1.0 is found, which read `chdb://./name` as the working directory itself."""
    host, slash, _ = endpoint.removeprefix(EMBEDDED).partition("/")
    old = Path(host).absolute()
    if not endpoint.startswith(EMBEDDED) or not (host and slash) or old == data_directory(endpoint):
        return
    if (old / "metadata" / f"{database}.sql").is_file() and (old / "store").is_dir():
        _log.warning(
            "%s: the database of an earlier version is in %s; to go on with it, stop the collector and move"
            " data, metadata, store and tmp from there to %s, in place of what is there",
            DATABASE_SETTING,
            old,
            data_directory(endpoint),
        )


def _problem(directory: Path, setting: str, message: str) -> ConfigError:
    return ConfigError([Problem(Position(str(directory)), setting, message)])
