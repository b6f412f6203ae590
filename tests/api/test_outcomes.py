"""What is said of a run after its end, from POST /v1/outcomes and the SDK to the run's page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final
from uuid import UUID

from tests.support.api import Api, tokens_file
from tests.support.collector import running_collector
from tests.support.python_process import run as run_script
from tests.support.run_documents import run_document

RUN_ID: Final = str(UUID(int=12))
PROGRAM: Final = f"""
import agenttrace
agenttrace.configure("feedback")
assert agenttrace.record_outcome({RUN_ID!r}, "success")
"""


def test_the_latest_outcome_is_that_of_the_run(tmp_path: Path) -> None:
    """Of one's own runs; the run is settled again each time, and its page shows what was said."""
    settings = {"extensions__auth__tokens_file": str(tokens_file(tmp_path)), "derive__quiet": "1s"}
    with running_collector(tmp_path, **settings, derive__round_wait="1s") as running:
        ours = Api(running, "acme-read")
        sent = run_document(time.time_ns(), run_id=RUN_ID, status="success")
        assert Api(running, "acme-ingest").post(sent).status_code == 201

        def ended(status: str, failures: int) -> None:
            ours.eventually(
                lambda found: (
                    found["run"]["settled"] is True
                    and found["run"]["status"] == status
                    and len(found["failures"]) == failures
                ),
                f"/v1/runs/{RUN_ID}/details",
            )

        ours.eventually(lambda runs: bool(runs["runs"]), "/v1/runs")
        said = {"run_id": RUN_ID, "status": "failure", "failure_type": "tool", "failure_code": "wrong_order"}
        for sender in ("initech-ingest", "acme-ingest"):
            answer = Api(running, sender).send("POST", "/v1/outcomes", json={"outcomes": [said, {}]})
            assert (answer.status_code, answer.json()["stored"]) == (201, 1)
            assert [each["field"] for each in answer.json()["refused"]] == [
                "outcomes[1].run_id",
                "outcomes[1].status",
            ]
        ended("failure", 1)
        page = ours.get(f"/runs/{RUN_ID}")
        assert "<b>outcome</b> failure tool wrong_order" in page.text
        run_script(
            "-c",
            PROGRAM,
            OTEL_EXPORTER_OTLP_ENDPOINT=running.url("http", ""),
            OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer acme-ingest",
        )
        ended("success", 0)
        found = ours.found(f"/v1/runs/{RUN_ID}/details")
        assert [each["status"] for each in found["outcomes"]] == ["failure", "success"]
        assert Api(running, "initech-read").found("/v1/runs")["total"] == 0
