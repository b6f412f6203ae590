"""The official JDBC driver with its defaults, which asks for compressed blocks, runs statements here."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.api import Api, tokens_file
from tests.support.collector import running_collector
from tests.support.run_documents import run_document

# The driver, and what it logs through.
ARTIFACTS = ("com.clickhouse:clickhouse-jdbc:0.9.5:jar:all", "org.slf4j:slf4j-api:2.0.16")
PROGRAM = Path(__file__).with_name("Jdbc.java")
ADMIN = "acme-admin"
STATEMENTS = {
    "SELECT 41 + 1": "1\t42",
    "SELECT count() FROM runs": "1\t1",
    "SELECT toString(number) FROM numbers(300000)": "300000\t0",
    "SELECT agent_id, status, started_at, steps FROM runs": "1\tagent",
    "SELECT 1 SETTINGS max_threads = 1": "1\t1",
    "SHOW TABLES": None,
    "DESCRIBE TABLE runs": None,
    "SELECT version()": None,
    "DROP TABLE agent_runs": "error\t497",
}


def class_path(directory: Path) -> str:
    """The driver's jars from the registry of Maven; the test is skipped where there is no Java, or no registry."""
    if not shutil.which("java") or not shutil.which("mvn"):
        pytest.skip("needs Java and Maven")
    for artifact in ARTIFACTS:
        command = [
            "mvn",
            "-q",
            "-B",
            "dependency:copy",
            f"-Dartifact={artifact}",
            f"-DoutputDirectory={directory}",
        ]
        if subprocess.run(command, capture_output=True, cwd=directory, timeout=300, check=False).returncode:
            pytest.skip("the driver cannot be had from the registry of Maven")
    return ":".join(map(str, directory.glob("*.jar")))


@pytest.mark.slow
@pytest.mark.long
def test_the_driver_runs_statements_with_its_defaults(tmp_path: Path) -> None:
    """Queries, large answers, metadata, and a refusal with its code."""
    jars = class_path(tmp_path)
    statements = tmp_path / "statements.sql"
    statements.write_text("\n".join(STATEMENTS))
    with running_collector(tmp_path, extensions__auth__tokens_file=str(tokens_file(tmp_path))) as collector:
        api = Api(collector, ADMIN)
        api.post(run_document(time.time_ns(), agent_id="agent"))
        api.eventually(lambda body: body["total"] > 0, "/v1/runs")
        url = f"jdbc:clickhouse://127.0.0.1:{collector.ports['clickhouse']}/agenttrace"
        command = ["java", "-cp", jars, str(PROGRAM), url, ADMIN, str(statements)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr[:3000]
    *lines, metadata = ran.stdout.splitlines()
    for (statement, expected), line in zip(STATEMENTS.items(), lines, strict=True):
        assert line == expected if expected else not line.startswith(("error", "0\t")), f"{statement}: {line}"
    assert metadata == "tables\ttrue"
