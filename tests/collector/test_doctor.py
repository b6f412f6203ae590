"""Doctor: what a collector's numbers mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from agenttrace_collector.cli.doctor import DoctorFindings, diagnose
from tests.support.api import Api
from tests.support.collector import running_collector
from tests.support.commands import agenttrace


def findings(
    *samples: tuple[str, dict[str, str], float], obstacles: dict[str, str] | None = None
) -> DoctorFindings:
    """What a collector said of itself."""
    return DoctorFindings(samples, {"obstacles": obstacles or {}})


REQUEST = ("otelcol_receiver_requests", {"outcome": "success"}, 1.0)
RECEIVED = ("agenttrace_received_spans", {"transport": "grpc"}, 5.0)
CHANGED = (
    "agenttrace_changed_values",
    {"service": "desk", "rule": "count.range", "key": "gen_ai.usage.input_tokens"},
    3.0,
)
RUN = "11111111-2222-4333-8444-555555555555"
SET_ASIDE = ("agenttrace_set_aside_runs", {"run_id": RUN}, 1.0)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (findings(), "No request has arrived"),
        (findings(("otelcol_receiver_requests", {"outcome": "refused"}, 1.0)), "Whole requests were refused"),
        (findings(REQUEST, RECEIVED, ("agenttrace_ignored_spans", {}, 5.0)), "GenAI meaning"),
        (findings(REQUEST, RECEIVED, ("agenttrace_refused_records", {"rule": "span.id"}, 1.0)), "by rule"),
        (findings(REQUEST, RECEIVED, ("agenttrace_journal_oldest_seconds", {}, 60.0)), "wait in the journal"),
        (findings(REQUEST, RECEIVED, ("agenttrace_rows_refused", {}, 1.0)), "migrate status"),
        (findings(REQUEST, RECEIVED, ("agenttrace_journal_full_in_seconds", {}, 7200.0)), "full in 2 hours"),
        (
            findings(REQUEST, RECEIVED, ("agenttrace_unsettled_oldest_seconds", {}, 1200.0)),
            "one of them for 20 minutes",
        ),
        (
            findings(REQUEST, RECEIVED, ("agenttrace_delivery_unrecorded_refusals", {}, 1.0)),
            "agent_rejections",
        ),
        (
            findings(REQUEST, RECEIVED, SET_ASIDE),
            f"1 runs cannot be settled and are tried again later; the log says why: {RUN}.",
        ),
        (
            findings(REQUEST, RECEIVED, ("agenttrace_unplaced_runs", {}, 3.0)),
            "agenttrace unplaced lists them",
        ),
        (findings(REQUEST, RECEIVED, obstacles={"journal": "journal is full"}), "journal is full"),
        (findings(REQUEST, RECEIVED, ("agenttrace_ignored_spans", {}, 4.0)), "can be queried"),
        (findings(REQUEST, RECEIVED, CHANGED), "desk sends values that no rule allows"),
        (findings(REQUEST, RECEIVED, CHANGED), "gen_ai.usage.input_tokens (count.range)"),
    ],
)
def test_what_stands_out_is_said_once(found: DoctorFindings, word: str) -> None:
    """One sentence for each state that explains why nothing shows."""
    (sentence,) = diagnose(found)
    assert word in sentence


def test_evaluations_are_known(tmp_path: Path) -> None:
    """How many came as documents, and from whom what was refused; never what it said."""
    sound = {"run_id": "r", "agent_id": "reviewer", "name": "tone", "score": 1}
    with running_collector(tmp_path) as collector:
        sent = {"evaluations": [sound, {**sound, "name": "CANARY said so"}]}
        assert Api(collector).send("POST", "/v1/evaluations", json=sent).status_code == 201
        settings = [part for key, value in collector.settings.items() for part in ("--set", f"{key}={value}")]
        told = " ".join(agenttrace("doctor", *settings).stdout.split())
    for line in (
        "Evaluations as documents received 2 stored 1 refused 1",
        "reviewer received 2",
        "reviewer refused 1",
        "evaluation label.pattern 1",
    ):
        assert line in told
    assert "CANARY" not in told
