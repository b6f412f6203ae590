"""What is stored is its owner's alone: modes, links, directories that others can change, the old place."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.config import Config, ConfigError, load_config
from agenttrace_collector.config.directories import (
    data_directory,
    prepare_directory,
    refuse_followed_links,
    warn_if_readable,
    warn_of_old_place,
)
from agenttrace_collector.journal import Journal, JournalOptions
from agenttrace_collector.journal.layout import current_layouts
from tests.support.collector import running_collector

pytestmark = pytest.mark.long

IMPORT = "from agenttrace_collector.clickhouse.client import ClickHouse"
# The working directory, as `chdb://./agenttrace-data` was read once.
OLD = """
old = ClickHouse("chdb://.", "default")
old.command("CREATE DATABASE agenttrace")
old.command("CREATE TABLE agenttrace.kept (n UInt8) ENGINE = MergeTree ORDER BY n AS SELECT 7 AS n")
old.close()
"""


def modes(directory: Path) -> dict[str, int]:
    """What others than the owner may do with each file and folder, where it is anything."""
    found = {path: path.lstat().st_mode for path in directory.rglob("*") if not path.is_symlink()}
    return {path.name: mode & 0o077 for path, mode in found.items() if mode & 0o077}


def journal(directory: Path) -> Journal:
    """One that is not open yet."""
    return Journal(JournalOptions(directory), current_layouts(1))


def test_nothing_that_a_collector_writes_is_for_others(tmp_path: Path) -> None:
    """Database, journal, lock, reserve and key, under the usual umask."""
    kept = tmp_path / "kept"
    kept.mkdir()
    before = os.umask(0o022)
    try:
        settings = {
            "journal__directory": str(kept / "journal"),
            "exporters__clickhouse__endpoint": f"chdb://{kept / 'data'}",
        }
        with running_collector(tmp_path, **settings):
            names = {path.name for path in kept.rglob("*")}
            assert {"reserve", "journal.lock", "data.site-key", "metadata"} <= names
            assert modes(kept) == {}
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("endpoint", "below"),
    [
        ("chdb://./agenttrace-data", "agenttrace-data"),
        ("chdb://data", "data"),
        ("chdb://data/of/agents", "data/of/agents"),
        ("chdb://./a folder", "a folder"),
        ("chdb://./a%20b?c=d", "a%20b?c=d"),
        ("chdb://memory", "memory"),
    ],
)
def test_a_relative_place_is_below_the_working_directory(
    endpoint: str, below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver reads its own DSN otherwise: of `chdb://./name` it takes the working directory."""
    monkeypatch.chdir(tmp_path)
    assert data_directory(endpoint) == tmp_path / below


def test_an_absolute_place_is_itself() -> None:
    """With three slashes."""
    assert data_directory("chdb:///var/lib/agenttrace/data") == Path("/var/lib/agenttrace/data")


def run(script: str, directory: Path) -> None:
    """Run Python there: an engine has one directory in a process, and other tests have theirs in this one."""
    subprocess.run([sys.executable, "-c", f"{IMPORT}\n{script}"], cwd=directory, check=True)


def test_the_engine_writes_where_the_setting_says(tmp_path: Path) -> None:
    """And nothing into the working directory beside it."""
    run("ClickHouse('chdb://./agenttrace-data').create_database()", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["agenttrace-data"]
    assert (tmp_path / "agenttrace-data" / "metadata" / "agenttrace.sql").is_file()


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_directory_that_everybody_may_change_is_refused(tmp_path: Path, mode: int) -> None:
    """Sticky or not: who may write there may put a link in place of a file."""
    place = tmp_path / "open"
    place.mkdir()
    place.chmod(mode)
    with pytest.raises(ConfigError, match=r"journal\.directory: every user .* can write there"):
        journal(place).open()
    with pytest.raises(ConfigError, match=r"exporters\.clickhouse\.endpoint: every user"):
        ClickHouse(f"chdb://{place}").create_database()
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(("owner", "accepted"), [(os.geteuid(), True), (0, True), (54_321, False)])
def test_a_directory_of_another_user_is_refused_but_a_volume_of_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, *, accepted: bool
) -> None:
    """A mounted volume's root is root's, whoever the collector runs as."""
    found = os.stat_result((stat.S_IFDIR | 0o775, 0, 0, 1, owner, 0, 0, 0, 0, 0))
    place = tmp_path / "volume"
    place.mkdir()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: found)
    if accepted:
        prepare_directory(place, "journal.directory")
        return
    with pytest.raises(ConfigError, match="belongs to another user"):
        prepare_directory(place, "journal.directory")


@pytest.mark.parametrize("name", ["reserve", "journal.lock", "journal.db", "journal.db-wal"])
def test_links_in_a_journal_are_not_followed(tmp_path: Path, name: str) -> None:
    """A reserve that was a link overwrote what it led to."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    place = tmp_path / "journal"
    place.mkdir()
    (place / name).symlink_to(victim)
    with pytest.raises(ConfigError, match="links are not followed"):
        journal(place).open()
    assert victim.read_text() == "mine"


def test_directories_that_others_can_read_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An earlier version made them so."""
    for name, mode in (("journal", 0o755), ("data", 0o700)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    warn_if_readable(config(tmp_path))
    (said,) = caplog.messages
    assert said.startswith("journal.directory: every user of this machine can read")


def config(place: Path) -> Config:
    """With journal and data there."""
    overrides = [f"journal.directory={place}/journal", f"exporters.clickhouse.endpoint=chdb://{place}/data"]
    return load_config([], overrides, {})


def test_a_database_in_the_old_place_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was the working directory; moved as the text says, its rows are there."""
    monkeypatch.chdir(tmp_path)
    run(OLD, tmp_path)
    warn_of_old_place("chdb://./agenttrace-data", "agenttrace")
    assert f"is in {tmp_path};" in caplog.text
    assert "move data, metadata, store and tmp" in caplog.text
    new = tmp_path / "agenttrace-data"
    new.mkdir()
    for name in ("data", "metadata", "store", "tmp"):
        (tmp_path / name).rename(new / name)
    caplog.clear()
    warn_of_old_place("chdb://./agenttrace-data", "agenttrace")
    assert not caplog.messages
    run("assert ClickHouse('chdb://./agenttrace-data').query('SELECT n FROM kept') == [(7,)]", tmp_path)


def test_a_copy_that_followed_links_is_named(tmp_path: Path) -> None:
    """The engine could not open it, and would say so with whole statements; one with its links is opened."""
    original = tmp_path / "data"
    (original / "store" / "e29").mkdir(parents=True)
    (original / "metadata").mkdir()
    (original / "metadata" / "agenttrace").symlink_to("../store/e29")
    shutil.copytree(original, tmp_path / "followed")
    shutil.copytree(original, tmp_path / "whole", symlinks=True)
    refuse_followed_links(tmp_path / "whole", "agenttrace")
    with pytest.raises(ConfigError, match="copied with its links followed"):
        ClickHouse(f"chdb://{tmp_path / 'followed'}", "agenttrace").query("SELECT 1")
