"""The collector's own metrics: names, sums, bounded labels."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from agenttrace_collector.decode.batch import Batch, Change, Seen
from agenttrace_collector.errors import (
    CollectorError,
    Forbidden,
    Reason,
    Rejected,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from agenttrace_collector.receivers.request_metrics import RequestMetrics
from agenttrace_collector.telemetry.metrics import METRICS, Sample, Telemetry


def batch(service: str = "agent") -> Batch:
    """Ten spans: seven stored, two ignored, one refused; an event stripped."""
    return Batch(
        digest=b"",
        blocks={},
        received=10,
        ignored=2,
        refused=1,
        refusals={("span", "span.id"): 1, ("decision", "decision.type"): 1},
        changes={Change(service, "identifier.pattern", "gen_ai.tool.name"): 3},
        services={service: Seen(10, 2, 1)},
        conventions={"genai": 7},
    )


def lines(telemetry: Telemetry) -> list[str]:
    """The samples of an exposition."""
    return [line for line in telemetry.exposition().decode().splitlines() if not line.startswith("#")]


def test_a_request_that_was_taken_is_counted_in_every_way() -> None:
    """By outcome, kind, rule, convention and service."""
    telemetry = Telemetry()
    RequestMetrics(telemetry).record_accepted("spans", "grpc", batch())
    assert {
        'otelcol_receiver_accepted_spans{receiver="otlp",transport="grpc"} 9.0',
        'otelcol_receiver_refused_spans{receiver="otlp",transport="grpc"} 1.0',
        'otelcol_receiver_requests{outcome="success",receiver="otlp",transport="grpc"} 1.0',
        'agenttrace_received_spans{receiver="otlp",transport="grpc"} 10.0',
        "agenttrace_ignored_spans 2.0",
        'agenttrace_refused_records{kind="decision",rule="decision.type"} 1.0',
        'agenttrace_changed_values{key="gen_ai.tool.name",rule="identifier.pattern",service="agent"} 3.0',
        'agenttrace_steps{convention="genai"} 7.0',
        'agenttrace_records_by_service{outcome="ignored",service="agent"} 2.0',
    } <= set(lines(telemetry))


def test_a_request_that_was_turned_away_is_refused_whole() -> None:
    """Its sender will come again; only then is anything counted by rule."""
    telemetry = Telemetry()
    RequestMetrics(telemetry).record_refused("spans", "http", batch())
    samples = lines(telemetry)
    assert 'otelcol_receiver_refused_spans{receiver="otlp",transport="http"} 10.0' in samples
    assert not any(sample.startswith("agenttrace_refused_records") for sample in samples)


REFUSALS: list[tuple[CollectorError, Reason]] = [
    (Unauthenticated("x"), Reason.UNAUTHORIZED),
    (Forbidden("x"), Reason.UNAUTHORIZED),
    (TooLarge("x"), Reason.TOO_LARGE),
    (Rejected("x"), Reason.MALFORMED),
    (Throttled("x"), Reason.RATE),
    (Throttled("x", 1.0, Reason.MEMORY), Reason.MEMORY),
    (Throttled("x", 1.0, Reason.JOURNAL_FULL), Reason.JOURNAL_FULL),
    (Unavailable("x", reason=Reason.DISK_FULL), Reason.DISK_FULL),
    (Unavailable("x"), Reason.UNAVAILABLE),
]


def test_every_refusal_has_a_reason() -> None:
    """A closed list, whatever the protocol."""
    telemetry = Telemetry()
    requests = RequestMetrics(telemetry)
    expected = {str(reason): 0 for reason in Reason}
    for error, reason in REFUSALS:
        requests.record_refusal("http", error)
        expected[reason] += 1
    found = {
        sample.labels["reason"]: sample.value
        for sample in telemetry.readings()
        if sample.name == "agenttrace_refused_requests"
    }
    assert found == expected


def test_the_log_warns_of_a_reason_once_a_minute_and_says_how_many(caplog: pytest.LogCaptureFixture) -> None:
    """A storm of refusals is two lines."""
    clock = iter([0.0, 0.0, 1.0, 2.0, 61.0, 61.0])
    requests = RequestMetrics(Telemetry(), lambda: next(clock))
    error = Throttled("full", 1.0, Reason.JOURNAL_FULL)
    error.service = "agent"
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            requests.record_refusal("grpc", error)
    assert [record.getMessage() for record in caplog.records] == [
        "1 requests refused over grpc (journal_full), the last from agent",
        "3 requests refused over grpc (journal_full), the last from agent",
    ]


def test_services_are_bounded() -> None:
    """Whoever makes names up makes no metrics up."""
    telemetry = Telemetry()
    requests = RequestMetrics(telemetry)
    for number in range(300):
        requests.record_accepted("spans", "grpc", batch(f"agent-{number}"))
    services = set(re.findall(r'service="([^"]+)"', telemetry.exposition().decode()))
    assert len(services) == 101
    assert "other" in services


def test_probes_are_asked_at_every_reading() -> None:
    """State is not kept twice."""
    depths = iter([1, 2])

    def probe() -> Iterator[Sample]:
        yield Sample("agenttrace_journal_rows", next(depths), {"table": "t"})

    telemetry = Telemetry()
    telemetry.watch(probe)
    assert 'agenttrace_journal_rows{table="t"} 1.0' in lines(telemetry)
    assert 'agenttrace_journal_rows{table="t"} 2.0' in lines(telemetry)


def test_every_metric_is_announced_under_its_own_name() -> None:
    """With type and help, and without the suffix that Prometheus' client would add."""
    announced = re.findall(r"(?m)^# TYPE (\S+) (\S+)$", Telemetry().exposition().decode())
    assert dict(announced) == {name: metric.kind for name, metric in METRICS.items()}
