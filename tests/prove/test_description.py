"""What the API does is what its description says: requests made from it find no fault and no other shape."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import Api, tokens_file
from tests.support.collector import Collector, running_collector
from tests.support.proof import FULL
from tests.support.run_documents import DECISION, FAILURE, SIGNAL, run_document

# In full there is time for 1,500 GET requests at the bounds of each parameter; else for a few of each operation, and for
# those at the bounds of what is posted.
EXAMPLES = "200" if FULL else "5"
# The times a document may state move with the clock, which a schema cannot say.
UNSAYABLE = ("--exclude-checks", "positive_data_acceptance")


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One with tokens, and with a run that has everything."""
    directory = tmp_path_factory.mktemp("collector")
    settings = {"extensions__auth__tokens_file": str(tokens_file(directory)), "derive__quiet": "0.2s"}
    with running_collector(directory, **settings) as running:
        stated = {"decisions": [DECISION], "quality_signals": [SIGNAL], "failure": FAILURE}
        Api(running, "acme-operator").post(run_document(time.time_ns(), status="failure", **stated))
        yield running


@pytest.mark.parametrize(
    "which", [("--include-method", "GET"), ("--include-method", "POST", *UNSAYABLE)], ids=["GET", "POST"]
)
def test_requests_made_from_the_description_find_nothing(
    collector: Collector, which: tuple[str, ...], tmp_path: Path
) -> None:
    """Valid ones are answered as described, invalid ones refused, none fails, none passes without a token."""
    program = Path(sys.executable).with_name("schemathesis")
    url, token = collector.url("api", "/openapi.json"), "Authorization: Bearer acme-operator"
    phases = "coverage,fuzzing" if FULL or "POST" in which else "fuzzing"
    bounded = ("--max-examples", EXAMPLES, "--phases", phases, "--seed", "1", "--no-color")
    done = subprocess.run(
        [program, "run", url, "--header", token, *bounded, *which],
        cwd=tmp_path,
        env={**os.environ, "NO_PROXY": "*", "no_proxy": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    assert "request failed" not in collector.log()
