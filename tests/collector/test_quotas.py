"""Quotas of a tenant: who has used one up is asked to come later, and the others notice nothing."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from agenttrace_collector.config.sections import QuotasSection as Settings
from agenttrace_collector.errors import Throttled
from agenttrace_collector.receivers.quotas import Quotas
from tests.support import plain_http
from tests.support.api import tokens_file
from tests.support.collector import Collector, free_ports, running_collector
from tests.support.load import EXPORT
from tests.support.otlp import one_span_runs
from tests.support.receivers import wait_until

MIB = 1024 * 1024
SPANS = 50
PROTOBUF = {"content-type": "application/x-protobuf"}
REFUSED = "agenttrace_quota_refused_requests"
seeds = itertools.count(time.time_ns())


def refused(quotas: Quotas, tenant: str = "acme") -> float:
    """After how many seconds a tenant that has used up a quota may come again."""
    with pytest.raises(Throttled) as caught:
        quotas.check(tenant)
    return caught.value.retry_after


def test_a_rate_is_charged_after_a_request_and_paid_with_time() -> None:
    """A large request is taken, whatever it holds; the next one waits until it is paid for."""
    clock = [0.0]
    quotas = Quotas(Settings(spans_per_second=10), now=lambda: clock[0])
    quotas.check("acme")
    quotas.charge("acme", 400, 0)
    assert refused(quotas) == pytest.approx((300 + 1) / 10)
    quotas.check("initech")
    clock[0] = 29.9
    assert refused(quotas) == pytest.approx(0.2)
    clock[0] = 30.1
    quotas.check("acme")


def test_a_pause_allows_ten_seconds_worth() -> None:
    """And no more, however long it was."""
    clock = [0.0]
    quotas = Quotas(Settings(spans_per_second=10), now=lambda: clock[0])
    quotas.charge("acme", 100, 0)
    assert refused(quotas) > 0
    clock[0] = 10_000.0
    quotas.charge("acme", 99, 0)
    quotas.check("acme")
    quotas.charge("acme", 1, 0)
    assert refused(quotas) == pytest.approx(0.1)


def test_what_is_delivered_is_no_longer_in_the_journal() -> None:
    """By when its first entry was written."""
    oldest: list[int | None] = [100]
    wall = itertools.count(100, 10)
    quotas = Quotas(Settings(journal_mib=2), oldest=lambda: oldest[0], wall=lambda: next(wall))
    for _ in range(2):
        quotas.check("acme")
        quotas.charge("acme", 1, MIB)
    assert refused(quotas) > 0
    quotas.check("initech")
    oldest[0] = 105
    quotas.check("acme")
    quotas.charge("acme", 1, MIB)
    assert refused(quotas) > 0
    oldest[0] = None
    quotas.check("acme")


def test_runs_that_wait_are_as_a_round_found_them() -> None:
    """Of each tenant."""
    quotas = Quotas(Settings(unsettled_runs=3))
    quotas.take_unsettled({"acme": 3, "initech": 2})
    assert refused(quotas) > 0
    quotas.check("initech")
    assert [(each.labels["tenant"], each.labels["quota"], each.value) for each in quotas.readings()] == [
        ("acme", "unsettled_runs", 1)
    ]


def test_without_quotas_nothing_is_counted() -> None:
    """Nothing grows with what is sent."""
    quotas = Quotas(Settings())
    for _ in range(10):
        quotas.charge("acme", 10**9, 10**9)
        quotas.check("acme")
    assert not list(quotas.readings())


def send(collector: Collector, tenant: str, spans: int = SPANS) -> None:
    """Runs of one span each, over gRPC."""
    metadata = (("authorization", f"Bearer {tenant}-ingest"),)
    with grpc.insecure_channel(collector.grpc) as channel:
        export = channel.unary_unary(EXPORT, None, None)
        export(one_span_runs(spans, next(seeds)), metadata=metadata, timeout=30)


def refused_with(collector: Collector, tenant: str) -> Iterator[float]:
    """The seconds that each way in says; fails where one takes the request."""
    token = {"authorization": f"Bearer {tenant}-ingest"}
    with pytest.raises(grpc.RpcError) as caught:
        send(collector, tenant)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    trailers = {entry.key: entry.value for entry in caught.value.trailing_metadata() or ()}
    status = Status.FromString(trailers["grpc-status-details-bin"])
    info = RetryInfo()
    assert status.details[0].Unpack(info)
    yield info.retry_delay.seconds + info.retry_delay.nanos / 1e9
    for url, headers in (
        (collector.url("http", "/v1/traces"), PROTOBUF),
        (collector.url("api", "/v1/runs"), {"content-type": "application/json"}),
    ):
        answer = plain_http.post(url, content=b"", headers={**headers, **token})
        assert answer.status_code == 429
        assert "processors.quotas." in answer.text
        yield float(answer.headers["retry-after"])


@pytest.mark.parametrize("quota", ["spans_per_second", "journal_mib", "unsettled_runs"])
def test_one_tenant_over_its_quota_leaves_the_other_alone(tmp_path: Path, quota: str) -> None:
    """Refused with a delay on every way in, and counted; the other is taken."""
    (nowhere,) = free_ports(1)
    settings = {
        "extensions__auth__tokens_file": str(tokens_file(tmp_path)),
        f"processors__quotas__{quota}": {"spans_per_second": "4"}.get(quota, "1"),
        "derive__quiet": "10m",
    }
    if quota == "journal_mib":
        settings["exporters__clickhouse__endpoint"] = f"http://127.0.0.1:{nowhere}"
    with running_collector(tmp_path, **settings) as collector:
        send(collector, "acme", 20_000)
        if quota == "unsettled_runs":
            wait_until(lambda: is_refused(collector, "acme"), 30)
        assert all(0 < seconds <= 60 for seconds in refused_with(collector, "acme"))
        send(collector, "initech", 1)
        (line,) = [
            line for line in collector.get("metrics", "/metrics").splitlines() if line.startswith(REFUSED)
        ]
        assert f'quota="{quota}"' in line
        assert 'tenant="acme"' in line
        assert float(line.split()[-1]) >= 3


def is_refused(collector: Collector, tenant: str) -> bool:
    """Whether a tenant is asked to come later."""
    try:
        send(collector, tenant, 1)
    except grpc.RpcError:
        return True
    return False
