"""A collector as an operator meets it: start, stop, reload, metrics, health, doctor."""

from __future__ import annotations

import functools
import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.error import HTTPError

import grpc
import pytest

from tests.support.api import tokens_file
from tests.support.collector import Collector, running_collector, start_collector
from tests.support.commands import agenttrace
from tests.support.load import EXPORT
from tests.support.otlp import STEP, ASpan, traces
from tests.support.receivers import wait_until
from tests.support.reference import SPANS, reference_request

NOTHING = {"exporters__clickhouse__endpoint": "null://"}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One that keeps nothing, for tests that do not stop it."""
    with running_collector(tmp_path_factory.mktemp("collector"), **NOTHING) as running:
        yield running


def send(collector: Collector, body: bytes, token: str = "") -> bytes:
    """Send a request over gRPC."""
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    with grpc.insecure_channel(collector.grpc) as channel:
        answer: bytes = channel.unary_unary(EXPORT, None, None)(body, timeout=10, metadata=metadata)
        return answer


def metric(text: str, name: str) -> float:
    """The sum of a metric over its labels."""
    return sum(float(value) for value in re.findall(rf"(?m)^{name}(?:{{.*}})? (\S+)$", text))


def settings(collector: Collector) -> list[str]:
    """The settings of a running collector, for another command."""
    return [part for key, value in collector.settings.items() for part in ("--set", f"{key}={value}")]


def test_received_is_stored_refused_or_in_the_journal(collector: Collector) -> None:
    """At every moment, also while a load is on."""
    for seed in range(8):
        send(collector, reference_request(seed, time.time_ns(), spans=64))
        text = collector.get("metrics", "/metrics")
        came = metric(text, "agenttrace_rows_recovered") + metric(text, "agenttrace_rows_accepted")
        went = metric(text, "agenttrace_rows_stored") + metric(text, "agenttrace_rows_refused")
        assert came == went + metric(text, "agenttrace_journal_rows") > 0
        received = metric(text, "agenttrace_received_spans")
        assert received == metric(text, "otelcol_receiver_accepted_spans") + metric(
            text, "otelcol_receiver_refused_spans"
        )


def test_metrics_have_the_collectors_names(collector: Collector) -> None:
    """Dashboards made for the OpenTelemetry Collector find them, without _total."""
    send(collector, reference_request(100, time.time_ns(), spans=1))
    text = collector.get("metrics", "/metrics")
    for name in (
        "otelcol_receiver_accepted_spans",
        "otelcol_process_cpu_seconds",
        "otelcol_exporter_queue_size",
    ):
        assert metric(text, name) >= 0
        assert f"# TYPE {name} " in text
    assert "_total" not in text


def test_health_says_what_it_can_do(collector: Collector) -> None:
    """The state stands in the body."""
    state = json.loads(collector.get("health"))
    assert (state["status"], state["obstacles"]) == ("accepting", {})
    assert state["journal"]["capacity_bytes"] == 4096 * 2**20


def test_doctor_says_what_arrived(collector: Collector) -> None:
    """From the running collector's own numbers."""
    send(collector, traces(ASpan(attributes=STEP, span_id=b"short")))
    seen = agenttrace("doctor", *settings(collector))
    assert seen.returncode == 0
    assert re.search(r"span span\.id +1\n", seen.stdout)
    assert "Records were refused by rule" in seen.stdout


def test_doctor_says_so_when_nobody_answers() -> None:
    """And how to start a collector."""
    seen = agenttrace("doctor", "--set", "service.telemetry.metrics.address=127.0.0.1:1")
    assert seen.returncode == 69
    assert "agenttrace collector run" in seen.stderr


def test_validate_tells_every_problem(tmp_path: Path) -> None:
    """With file and line, and exit status 2."""
    file = tmp_path / "collector.yaml"
    file.write_text("journal:\n  max_size: 1\nderive: {quiet: 5}\n")
    seen = agenttrace("collector", "validate", "--config", str(file))
    assert seen.returncode == 2
    assert seen.stderr.splitlines() == [
        "collector.yaml:2: journal.max_size: unknown key, did you mean max_size_mib?",
        "collector.yaml:3: derive.quiet: must be a duration with its unit, such as 500ms, 0.5s, 30s, 1h30m or 90d",
    ]
    assert agenttrace("collector", "validate").stdout == "valid\n"


def test_a_port_that_is_taken_ends_the_start(collector: Collector, tmp_path: Path) -> None:
    """With a sentence, not a trace, and exit status 1."""
    taken = {
        "exporters.clickhouse.endpoint": "null://",
        "receivers.otlp.protocols.grpc.endpoint": collector.grpc,
    }
    second = start_collector(tmp_path, taken)
    assert second.process.wait(30) == 1
    assert f"cannot listen on {collector.grpc}" in second.log()
    assert "Traceback" not in second.log()


def test_a_stop_delivers_everything(tmp_path: Path) -> None:
    """Nothing is in the journal afterwards; nothing is taken any more."""
    later = {"exporters__clickhouse__block_age": "1h", "exporters__clickhouse__insert_share": "0.00001"}
    with running_collector(tmp_path, **later, **NOTHING) as collector:
        send(collector, reference_request(1, time.time_ns(), spans=64))
        assert metric(collector.get("metrics", "/metrics"), "agenttrace_journal_rows") == 192
        assert collector.stop() == 0
    with running_collector(tmp_path, **NOTHING) as again:
        assert metric(again.get("metrics", "/metrics"), "agenttrace_rows_recovered") == 0


def test_a_stop_keeps_what_cannot_be_delivered(tmp_path: Path) -> None:
    """A database that is away costs the deadline, never rows."""
    away = {"exporters__clickhouse__endpoint": "http://127.0.0.1:9"}
    with running_collector(tmp_path, service__drain_timeout="0.5s", **away) as collector:
        send(collector, reference_request(1, time.time_ns(), spans=64))
        assert collector.stop() == 0
    with running_collector(tmp_path, **NOTHING) as again:
        wait_until(lambda: metric(again.get("metrics", "/metrics"), "agenttrace_rows_stored") == 192)


def test_sighup_reloads_tokens(tmp_path: Path) -> None:
    """A token that is taken away is good no more; a file that is wrong changes nothing."""
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text("tokens: [{token: first}]")
    with running_collector(tmp_path, extensions__auth__tokens_file=str(tokens), **NOTHING) as collector:
        assert send(collector, b"", "first") == b""
        tokens.write_text("tokens: [{token: second}]")
        collector.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reloaded" in collector.log())
        with pytest.raises(grpc.RpcError):
            send(collector, b"", "first")
        assert send(collector, b"", "second") == b""
        tokens.write_text("tokens: [{tokn: third}]")
        collector.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "not reloaded" in collector.log())
        assert send(collector, b"", "second") == b""
        assert not {"first", "second", "third"} & set(re.findall(r"\w+", collector.log()))


def test_systemd_is_told(tmp_path: Path) -> None:
    """READY when requests are taken, STOPPING when no more."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, pytest.MonkeyPatch.context() as patch:
        manager.bind(path)
        manager.settimeout(30)
        patch.setenv("NOTIFY_SOCKET", path)
        with running_collector(tmp_path, **NOTHING) as collector:
            assert manager.recv(100) == b"READY=1"
            assert send(collector, b"") == b""
        assert manager.recv(100) == b"STOPPING=1"


def test_an_exposed_listener_is_warned_of(tmp_path: Path) -> None:
    """Loudly, by its place in the configuration."""
    with running_collector(tmp_path, extensions__api__endpoint="0.0.0.0:0", **NOTHING) as collector:
        warning = "EXPOSED: extensions.api can be reached from other machines without authentication and TLS"
        assert warning in collector.log()


def test_open_metrics_are_said_where_tokens_are_configured(tmp_path: Path) -> None:
    """They name the services of every tenant, unless they ask for a token, too."""
    tokens = {"extensions__auth__tokens_file": str(tokens_file(tmp_path)), **NOTHING}
    closed = {"service__telemetry__metrics__require_token": "true"}
    said = "service.telemetry.metrics, which names the services of every tenant"
    with running_collector(tmp_path, **tokens) as collector:
        assert said in collector.log()
        lines = collector.log().count(said)
    with running_collector(tmp_path, **tokens, **closed) as collector:
        assert collector.log().count(said) == lines


def sent_until_refused(collector: Collector, seeds: Iterator[int]) -> int:
    """The rows of another request that was taken, 0 when one is refused with a delay."""
    try:
        send(collector, reference_request(next(seeds), time.time_ns()))
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return 0
    return 3 * SPANS


def test_a_full_journal_refuses_with_a_delay(tmp_path: Path) -> None:
    """Health says so, and nothing that was acknowledged is dropped."""
    away = {"exporters__clickhouse__endpoint": "http://127.0.0.1:9", "journal__max_size_mib": "2"}
    with running_collector(tmp_path, service__drain_timeout="0.1s", **away) as collector:
        stored = sum(iter(functools.partial(sent_until_refused, collector, count()), 0))
        with pytest.raises(HTTPError) as refusing:
            collector.get("health")
        assert json.loads(refusing.value.read())["obstacles"] == {"journal": "journal is full"}
        text = collector.get("metrics", "/metrics")
        assert metric(text, "agenttrace_journal_rows") == stored


def test_logs_are_json_where_that_is_wanted(tmp_path: Path) -> None:
    """One object on each line."""
    with running_collector(tmp_path, service__telemetry__logs__encoding="json", **NOTHING) as collector:
        assert collector.stop() == 0
        assert {json.loads(line)["level"] for line in collector.log().splitlines()} == {"info"}
