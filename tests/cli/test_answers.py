"""The commands that ask tell what the API says: as tables, as JSON, as CSV, or why they cannot."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import pytest

from agenttrace_collector.cli.app import COMMANDS
from tests.support.api import Api, tokens_file
from tests.support.collector import running_collector
from tests.support.commands import agenttrace
from tests.support.demo_data import OF_AGENT, VERSION, filled_with_demo
from tests.support.sampling import sampled

AGENT = OF_AGENT["agent_id"]
# Each command with arguments, the path it asks, the key of its rows, and the parameters of the same question.
ASKED: Mapping[str, tuple[list[str], str, str, Mapping[str, Any]]] = {
    "runs": (["--agent", AGENT, "--limit", "7"], "/v1/runs", "runs", {**OF_AGENT, "page_size": 7}),
    "decisions": ([], "/v1/decisions/aggregate", "aggregations", {}),
    "signals": (["--agent", AGENT], "/v1/signals/aggregate", "aggregations", OF_AGENT),
    "failures": (["--type", "tool"], "/v1/failures/aggregate", "aggregations", {"failure_type": "tool"}),
    "rejections": ([], "/v1/rejections/aggregate", "aggregations", {}),
    "approvals": ([], "/v1/approvals/tools", "tools", {}),
    "approvals reasons": (["--tool", "seat_map"], "/v1/approvals/reasons", "reasons", {"tool": "seat_map"}),
    "approvals rules": ([], "/v1/approvals/rules", "rules", {}),
    "evaluations": (
        ["--name", "completeness"],
        "/v1/evaluations/aggregate",
        "aggregations",
        {"name": "completeness"},
    ),
    "correlate evaluations": ([], "/v1/correlate/evaluations", "correlations", {"page_size": 20}),
    "correlate": (["decisions"], "/v1/correlate/decisions-failures", "correlations", {"page_size": 20}),
    "correlate signals": ([], "/v1/correlate/signals-outcomes", "correlations", {"page_size": 20}),
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API of a collector with the demo's data."""
    with filled_with_demo(tmp_path_factory.mktemp("cli")) as collector:
        yield Api(collector)


def command(address: str, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """Run `agenttrace` against this API, as if in a pipe."""
    environment = {**os.environ, "AGENTTRACE_API": address, "AGENTTRACE_TOKEN": token, "NO_COLOR": "1"}
    return agenttrace(*arguments, environment=environment)


def told(api: Api, *arguments: str) -> str:
    """What a command prints that ends well."""
    done = command(api.collector.url("api"), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def answer(api: Api) -> Callable[[str], Any]:
    """What the API answers to the question of a command, asked once, since its data stay the same."""

    @cache
    def asked(name: str) -> Any:
        _, path, _, parameters = ASKED[name]
        return api.found(path, **parameters)

    return asked


@pytest.mark.parametrize("name", ASKED)
def test_json_is_the_answer_of_the_api(api: Api, answer: Callable[[str], Any], name: str) -> None:
    """Word by word."""
    arguments, *_ = ASKED[name]
    assert json.loads(told(api, *name.split(), *arguments, "--json")) == answer(name)


@pytest.mark.parametrize("name", sampled(3, ASKED))
def test_csv_has_a_line_for_each_row(api: Api, answer: Callable[[str], Any], name: str) -> None:
    """Under the names of the API, ready for a spreadsheet."""
    arguments, _, key, _ = ASKED[name]
    lines = list(csv.DictReader(io.StringIO(told(api, *name.split(), *arguments, "--csv"), newline="")))
    rows = answer(name)[key]
    assert len(lines) == len(rows) > 0
    assert list(lines[0]) == list(rows[0])


@pytest.mark.parametrize("name", sampled(3, ASKED))
def test_a_table_names_every_row(api: Api, answer: Callable[[str], Any], name: str) -> None:
    """Its first names stand in it."""
    arguments, _, key, _ = ASKED[name]
    table = told(api, *name.split(), *arguments)
    for row in answer(name)[key]:
        names = [
            row[each]
            for each in ("run_id", "signal_code", "reason_code", "rule", "failure_code", "tool_name")
            if each in row
        ]
        assert all(each in table for each in names)


def test_stats_count_and_draw(api: Api) -> None:
    """Numbers with their thousands set off, runs by day as a sparkline."""
    table = told(api, "stats", "--agent", AGENT)
    assert re.search(r"successful +84\n", table)
    assert re.search(r"quality signals +1,338\n", table)
    assert re.search(r"runs    [▁▂▃▄▅▆▇█]+\n", table)


def test_signals_show_shares_with_intervals_and_bars(api: Api) -> None:
    """36 runs had a failed tool: all of them with it as true."""
    table = told(api, "signals", "--agent", AGENT, "--source", "derived")
    assert re.search(r"tool_failure +unavailable +73 +0 +36 +100\.0 % \[90\.4 to 100\.0\] +█{20}", table)


def test_a_run_is_told_step_by_step(api: Api) -> None:
    """Each step on its line, what was decided and observed below it, derived ones with their rule."""
    listed = api.found("/v1/runs", page_size=100, **OF_AGENT)["runs"]
    run_id = next(run["run_id"] for run in listed if run["failed_steps"])
    details = api.found(f"/v1/runs/{run_id}/details")
    text = told(api, "run", run_id)
    for step in details["steps"]:
        assert re.search(rf"{step['seq']} +{step['step_type']} +{re.escape(step['name'])}", text)
    assert text.count("observed: ") == len(details["quality_signals"])
    assert "(derived by tool.unavailable)" in text
    assert json.loads(told(api, "run", run_id, "--json")) == details


def test_versions_are_compared(api: Api) -> None:
    """Shares with intervals, differences in points, p and q."""
    table = told(api, "compare", AGENT, VERSION, VERSION)
    assert re.search(r"success +200 +42\.0 % \[35\.4 to 48\.9\]", table)
    assert "q is p corrected" in table


def test_a_time_may_be_told_from_now(api: Api) -> None:
    """Long ago: all of the replay; a week ago: half of it; just now: none."""
    everything, half, none = (
        json.loads(told(api, "runs", "--agent", AGENT, "--since", since, "--json"))["total"]
        for since in ("5w", "1w", "1s")
    )
    assert (everything, none) == (200, 0)
    assert 90 <= half <= 110


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["runs", "--status", "CANARY"], 1, "status: must be one of success, failure, partial"),
        (["decisions", "--type", "CANARY"], 1, "decision_type: must be one of"),
        (["decisions", "--source", "CANARY"], 1, "source: must be one of recorded, derived, all"),
        (["run", "CANARY"], 1, "run_id: must be a UUID"),
        (["run", "00000000-0000-0000-0000-000000000001"], 1, "no such run"),
        (["runs", "--since", "soon"], 2, "must be a duration such as"),
        (["runs", "--limit", "101"], 2, "less than or equal to 100"),
        (["runs", "--json", "--csv"], 2, "give one of --json and --csv"),
        (["compare", AGENT], 2, "VERSION_A"),
    ],
)
def test_what_is_wrong_is_said(api: Api, arguments: list[str], code: int, text: str) -> None:
    """What is allowed, never what was given, never a trace."""
    done = command(api.collector.url("api"), *arguments)
    assert done.returncode == code
    assert text in re.sub(r"\s+", " ", done.stderr.replace("│", " "))
    assert "CANARY" not in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_collector_it_says_how_to_start_one() -> None:
    """And how to say where one is; the exit code is that of a service that is not there."""
    done = command("http://127.0.0.1:1", "stats")
    assert done.returncode == 69
    assert "no collector answers at 127.0.0.1:1" in done.stderr
    assert "agenttrace collector run" in done.stderr
    assert "AGENTTRACE_API" in done.stderr
    assert "must be http(s)://host:port" in command("ftp://x", "stats").stderr


def test_a_token_is_taken_from_the_environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without it the answer names the variable; it is never printed."""
    directory = tmp_path_factory.mktemp("tokens")
    with running_collector(directory, extensions__auth__tokens_file=str(tokens_file(directory))) as collector:
        address = collector.url("api")
        refused = command(address, "stats")
        assert (refused.returncode, "AGENTTRACE_TOKEN" in refused.stderr) == (1, True)
        assert command(address, "stats", token="acme-read").returncode == 0
        assert "hunter2" not in command(address, "stats", token="hunter2").stderr


def test_the_version_is_the_distributions() -> None:
    """It stands in pyproject.toml alone."""
    assert command("", "--version").stdout.strip() == version("agenttrace-otel")


def test_every_command_says_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the list and of itself; the shell completes them."""
    # Else the shell is looked for among this process's parents, where there may be none.
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    listed = command("", "--help").stdout
    assert all(re.search(rf"│ {name} +\S", listed) for name in COMMANDS)
    completed = command("", "--show-completion", "bash")
    assert "_AGENTTRACE_COMPLETE" in completed.stdout or "complete_bash" in completed.stdout
