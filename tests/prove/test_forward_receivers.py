"""Real receivers behind the gate: what is sent through it arrives, and is told again by their own means.

An OpenTelemetry Collector, compiled here from Go modules; rotel; Phoenix in an environment of its own; a second collector.
What they need is kept in build/receivers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode.batch import Context
from agenttrace_collector.forward.values import values_of
from tests.forward.test_exporters import wait_for, waiting
from tests.forward.test_gate import POLICY, gate, left_of, spans_of
from tests.support.collector import free_ports, running_collector
from tests.support.corpus import scenarios
from tests.support.load import EXPORT
from tests.support.other_programs import otlp_exporter, program, running_rotel
from tests.support.otlp_recorder import recording
from tests.support.read_back import read_back

BUILD = Path(__file__).parents[2] / "build" / "receivers"
VERSION = "v0.136.0"
MODULES = "go.opentelemetry.io/collector"
MANIFEST = f"""
dist: {{name: otelcol, output_path: {BUILD / "otelcol"}}}
receivers: [{{gomod: {MODULES}/receiver/otlpreceiver {VERSION}}}]
exporters: [{{gomod: {MODULES}/exporter/otlphttpexporter {VERSION}}}]
"""
PHOENIX = "arize-phoenix==20.26.1"
# Phoenix makes its database first.
START_SECONDS = 300.0
LOG = "receiver.log"
# As OpenInference names them, and Phoenix tells them again.
TOLD = ("tool.name", "llm.model_name", "llm.token_count.prompt", "llm.token_count.completion")
TABLES = ("agent_steps", "agent_decisions", "agent_quality_signals", "agent_failures", "runs")
# Conversation ids aside; that they come from another collector shows in these.
CHANGED = {"created_at", "conversation_id", "source"}
Relay: TypeAlias = Callable[[Path, str], AbstractContextManager[str]]

pytestmark = pytest.mark.skipif(
    os.environ.get("PROVE") != "full", reason="make prove NAME=forward-receivers; in short: tests/forward"
)


def requests(now: int, convention: str = "") -> list[bytes]:
    """The traces of the corpus, or of its sets of one convention, as if they were recorded now."""
    chosen = (scenario for scenario in scenarios() if convention in scenario.pair)
    return [body for scenario in chosen for body in scenario.sent_at("traces", now)]


def send_through(directory: Path, exporter: str, endpoint: str, bodies: list[bytes]) -> None:
    """Send requests to a collector that forwards them, until its queue is empty."""
    directory.mkdir(exist_ok=True)
    settings = {
        f"exporters__{exporter}__endpoint": endpoint,
        f"exporters__{exporter}__tls__insecure": "true",
        # As the expected copies are made with.
        "processors__enforce__site_key": POLICY.site_key.decode(),
        "service__pipelines__traces__exporters": f"[clickhouse, {exporter}]",
    }
    with running_collector(directory, **settings) as collector:
        with grpc.insecure_channel(collector.grpc) as channel:
            export = channel.unary_unary(EXPORT, bytes, bytes)
            for body in bodies:
                export(body)
        wait_for(lambda: waiting(collector, exporter) == 0)
        failed = [
            line for line in collector.get("metrics", "/metrics").splitlines() if "send_failed_spans" in line
        ]
    assert all(line.endswith(" 0.0") for line in failed if not line.startswith("#"))


def passed(bodies: list[bytes], now: int) -> dict[bytes, Span]:
    """The spans that pass the gate."""
    context = Context(POLICY, "default", now)
    left = (left_of(gate("as_sent"), "traces", body, context).data for body in bodies)
    return {key: span for body in left for key, span in spans_of(body).items()}


def facts(span: Span) -> tuple[Any, ...]:
    """Everything of a span that the gate passes."""
    times = span.start_time_unix_nano, span.end_time_unix_nano
    named = (span.trace_id, span.parent_span_id, span.name, span.kind, span.status.code)
    return (*named, times, values_of(span.attributes), [event.name for event in span.events])


@contextmanager
def through_otelcol(directory: Path, behind: str) -> Iterator[str]:
    """An OpenTelemetry Collector that sends on what it gets."""
    binary = otelcol()
    (port,) = free_ports(1)
    config = {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"otlphttp": {"endpoint": behind}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlphttp"]}},
        },
    }
    file = directory / "otelcol.yaml"
    file.write_text(json.dumps(config))
    with program(directory / LOG, [str(binary), "--config", str(file)], port, START_SECONDS):
        yield f"127.0.0.1:{port}"


def otelcol() -> Path:
    """The collector's binary, built once."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("an OpenTelemetry Collector is built with Go, which is not here")
    binary = BUILD / "otelcol" / "otelcol"
    if not binary.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        manifest = BUILD / "builder.yaml"
        manifest.write_text(MANIFEST)
        started = time.monotonic()
        builder = [go, "run", f"{MODULES}/cmd/builder@{VERSION}", "--config", str(manifest)]
        subprocess.run(builder, check=True, cwd=BUILD)
        print(f"built an OpenTelemetry Collector {VERSION} in {time.monotonic() - started:.0f} s")
    return binary


@contextmanager
def through_rotel(directory: Path, behind: str) -> Iterator[str]:
    """A rotel that sends on what it gets."""
    with running_rotel(directory / LOG, *otlp_exporter("http", behind)) as (ports, _):
        yield f"127.0.0.1:{ports['grpc']}"


@pytest.mark.parametrize("relay", [through_otelcol, through_rotel])
def test_a_receiver_takes_every_span_as_it_was_made(tmp_path: Path, relay: Relay) -> None:
    """What it sends on is what left the gate: each span once or more, with all of its attributes."""
    now = time.time_ns()
    bodies = requests(now)
    expected = passed(bodies, now)
    with recording() as recorder, relay(tmp_path, recorder.endpoint) as endpoint:
        send_through(tmp_path / "gate", "otlp_grpc", endpoint, bodies)
        wait_for(lambda: expected.keys() <= arrived(recorder.bodies()).keys())
        found = arrived(recorder.bodies())
    assert {key: facts(span) for key, span in found.items()} == {
        key: facts(span) for key, span in expected.items()
    }
    print(f"{relay.__name__}: {len(found)} spans as they left")


def arrived(bodies: list[bytes]) -> dict[bytes, Span]:
    """The spans of these requests."""
    return {key: span for body in bodies for key, span in spans_of(body).items()}


@contextmanager
def phoenix(directory: Path) -> Iterator[str]:
    """A Phoenix with a database of its own."""
    home = BUILD / "phoenix"
    if not (home / "bin" / "phoenix").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "--quiet", PHOENIX], check=True)
    port, other = free_ports(2)
    settings = {
        "PHOENIX_WORKING_DIR": str(directory),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(other),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    command = [str(home / "bin" / "phoenix"), "serve"]
    with program(directory / LOG, command, port, START_SECONDS, **settings):
        yield f"http://127.0.0.1:{port}"


def told_by(endpoint: str) -> dict[bytes, Mapping[str, Any]]:
    """What Phoenix's API says of each span."""
    found, cursor = {}, ""
    while True:
        url = f"{endpoint}/v1/projects/default/spans?limit=500{cursor}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - loopback
            page = json.load(answer)
        found.update({bytes.fromhex(each["context"]["span_id"]): each for each in page["data"]})
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_phoenix_tells_traces_agents_tools_and_tokens(tmp_path: Path) -> None:
    """Its own API returns what left the gate."""
    now = time.time_ns()
    bodies = requests(now, "openinference")
    expected = passed(bodies, now)
    with phoenix(tmp_path) as endpoint:
        send_through(tmp_path / "gate", "otlp_http", endpoint, bodies)
        deadline = time.monotonic() + START_SECONDS
        while expected.keys() - (told := told_by(endpoint)).keys():
            assert time.monotonic() < deadline, f"{len(told)} of {len(expected)} spans are told"
            time.sleep(1)
    kinds: dict[str, int] = {}
    for key, span in expected.items():
        sent, found = values_of(span.attributes), told[key]
        assert found["context"]["trace_id"] == span.trace_id.hex()
        assert found["name"] == span.name
        assert {name: found["attributes"].get(name) for name in TOLD} == {
            name: sent.get(name) for name in TOLD
        }
        if kind := sent.get("openinference.span.kind"):
            assert found["span_kind"] == kind
            kinds[str(kind)] = kinds.get(str(kind), 0) + 1
    assert {"AGENT", "TOOL", "LLM"} <= kinds.keys()
    print(
        f"Phoenix tells {len(told)} spans of {len({span.trace_id for span in expected.values()})} traces: {kinds}"
    )


def rows(directory: Path) -> dict[str, list[str]]:
    """The rows of the tables that decoding fills, as texts in order."""
    parts = dict(part.split("\n", 1) for part in read_back(directory / "data").split("# ") if "\n" in part)
    return {
        table: sorted(
            json.dumps(
                {key: value for key, value in json.loads(line).items() if key not in CHANGED}, sort_keys=True
            )
            for line in set(parts[table].splitlines())
            if line.startswith("{")
        )
        for table in TABLES
        if table in parts
    }


def test_a_second_collector_stores_the_same_facts(tmp_path: Path) -> None:
    """Both have a database; their steps, events and runs are the same."""
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    with running_collector(second) as behind:
        send_through(first, "otlp_grpc", behind.grpc, requests(time.time_ns()))
    one, other = rows(first), rows(second)
    assert one["agent_steps"]
    assert other == one
    print({table: len(found) for table, found in one.items()})
