"""Older engines: one works as the present one does, or is refused with the version that is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.requirements import MINIMUM_VERSION, EngineTooOld
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas.rows import ROWS, columns
from agenttrace_schemas.rules import Policy
from tests.support.corpus import RECORDED_AT, scenarios
from tests.support.engines import running_engine
from tests.support.proof import FULL
from tests.upgrade.asked import answers_of

pytestmark = pytest.mark.skipif(not FULL, reason="make prove NAME=versions: installs other engines")
# Distributions of the engine, each with what it needs beside: ClickHouse 25.5, and 24.8.
OLDEST = ("chdb==3.6.0", "pyarrow", "pandas")
TOO_OLD = ("chdb==2.1.1",)


def installed(directory: Path, distributions: tuple[str, ...]) -> str:
    """The Python of a new environment that has these."""
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
    python = str(directory / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *distributions]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{distributions[0]} cannot be installed here")
    return python


def answered(database: ClickHouse) -> dict[str, object]:
    """What every query answers of a part of the corpus that this database takes and settles."""
    Migrator(database, Policy(), Config().exporters.clickhouse.ttl.model_dump()).up()
    names = {row.TABLE: list(columns(row)) for row in ROWS}
    for number, scenario in enumerate(scenarios()[::10]):
        for body in scenario.bodies("traces"):
            blocks = decode_traces(body, Context(Policy(), "default", RECORDED_AT)).blocks
            for table, block in blocks.items():
                database.insert(table, names[table], block.data, token=f"{number}-{hash(body)}-{table}")
    settler = Settler(SettlingStore(database), Policy(), Config(derive=Derive(quiet=0.001)))
    while database.query("SELECT count() FROM unsettled_runs")[0][0]:
        settler.settle_waiting()
    return answers_of(database)


def test_the_oldest_engine_answers_as_the_present_one(tmp_path: Path) -> None:
    """Migrated, filled, settled and asked; down and up again."""
    python = installed(tmp_path / "python", OLDEST)
    (tmp_path / "present").mkdir()
    with running_engine(tmp_path, python=python) as endpoint:
        database = ClickHouse(endpoint, "agenttrace")
        found = answered(database)
        ((version,),) = database.query("SELECT version()")
        assert tuple(map(int, str(version).split(".")[:2])) == MINIMUM_VERSION
        migrator = Migrator(database, Policy())
        assert migrator.down()
        assert migrator.up().migrations
    with running_engine(tmp_path / "present") as endpoint:
        assert answered(ClickHouse(endpoint, "agenttrace")) == found


def test_an_engine_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """Before the first statement: there is no database afterwards."""
    python = installed(tmp_path / "python", TOO_OLD)
    with running_engine(tmp_path, python=python) as endpoint:
        missing = Migrator(ClickHouse(endpoint, "agenttrace"), Policy())
        present = Migrator(ClickHouse(endpoint, "default"), Policy())
        for call in (missing.up, present.up, present.verify):
            with pytest.raises(EngineTooOld, match=r"24\.8, and 25\.5 or later is needed"):
                call()
        assert not list((tmp_path / "data").glob("metadata/agenttrace*"))
