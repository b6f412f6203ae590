"""Every scenario of the corpus, sent to a running collector: what it answers is what really happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from tests.support.collector import Collector, running_collector
from tests.support.corpus import Scenario, scenarios
from tests.support.http import counted, post
from tests.support.observed import Fact, SeenRun, SeenStep, compare
from tests.support.query import answers
from tests.support.read_back import read_back
from tests.support.seen_table import show, shown, table

DEVIATIONS: Final = Path(__file__).with_name("deviations.json")
MOST_DEVIATIONS: Final = 0.03
CANARY: Final = "CANARY-"
SETTLE_SECONDS: Final = 60.0
_MODEL_CALLS: Final = {"chat", "text_completion", "generate_content"}
EACH = pytest.mark.parametrize("scenario", scenarios(), ids=str)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending the corpus: the directory of a stopped collector, and all it said."""

    directory: Path
    said: str
    runs: Mapping[bytes, SeenRun]
    sources: Mapping[bytes, frozenset[str]]
    # The rules of derived decisions by trace, one for each decision.
    derived: Mapping[bytes, Sequence[str]]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """One collector that has got every request of the corpus and settled the runs."""
    directory = tmp_path_factory.mktemp("corpus")
    said: list[str] = []
    with running_collector(directory, derive__quiet="1s") as collector:
        moment = time.time_ns()
        for scenario in scenarios():
            for signal in ("traces", "logs"):
                said += [post(collector, signal, body) for body in scenario.sent_at(signal, moment)]
        wait_until_settled(collector)
        said += [collector.get("metrics", "/metrics"), collector.get("health")]
    said.append(collector.log())
    steps, runs, derived = answers(
        directory / "data",
        [
            "SELECT * FROM steps ORDER BY seq",
            "SELECT * FROM runs",
            "SELECT trace_id, rule FROM derived_decisions FINAL",
        ],
    )
    rules: defaultdict[bytes, list[str]] = defaultdict(list)
    for each in derived:
        rules[UUID(each["trace_id"]).bytes].append(each["rule"])
    return Sent(directory, "\n".join(said), dict(seen_runs(runs, steps)), sources_of(steps), rules)


def wait_until_settled(collector: Collector) -> None:
    """Return when each run has been settled; a few seconds after the last request."""
    wanted = len({trace for scenario in scenarios() for trace in scenario.trace_ids()})
    deadline = time.monotonic() + SETTLE_SECONDS
    while counted(collector, "agenttrace_settled_runs") < wanted:
        assert time.monotonic() < deadline, "runs wait to be settled"
        time.sleep(0.2)


def seen_runs(runs: list[dict[str, Any]], steps: list[dict[str, Any]]) -> Iterator[tuple[bytes, SeenRun]]:
    """Runs by trace id, their calls in order."""
    by_run: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for step in steps:
        by_run[step["run_id"]].append(step)
    for run in runs:
        assert run["settled"]
        of_run = by_run[run["run_id"]]
        yield (
            UUID(run["trace_id"]).bytes,
            SeenRun(
                status=run["status"],
                steps=tuple(seen_step(step) for step in of_run if step["role"] == "leaf"),
                input_tokens=run["input_tokens"],
                output_tokens=run["output_tokens"],
                retries=run["retries"],
                models=frozenset(step["model"] for step in of_run if step["operation"] in _MODEL_CALLS),
                started_at=run["started_at"],
            ),
        )


def seen_step(step: Mapping[str, Any]) -> SeenStep:
    """A step of the view."""
    return SeenStep(
        type=step["step_type"],
        name=step["name"],
        failed=step["status"] == "error",
        error_type=step["error_type"],
        tool_name=step["tool_name"],
        documents=step["retrieval_count"] if step["step_type"] == "retrieve" else None,
    )


def sources_of(steps: list[dict[str, Any]]) -> dict[bytes, frozenset[str]]:
    """The conventions that the steps of each trace were read by."""
    found: defaultdict[bytes, set[str]] = defaultdict(set)
    for step in steps:
        found[UUID(step["trace_id"]).bytes].add(step["source"])
    return {trace: frozenset(sources) for trace, sources in found.items()}


def facts(sent: Sent, scenario: Scenario) -> list[Fact]:
    """The expected facts of a scenario beside the observed ones."""
    runs = [sent.runs[trace] for trace in scenario.trace_ids() if trace in sent.runs]
    return list(compare(scenario, sorted(runs, key=lambda run: run.started_at)))


@cache
def listed() -> dict[tuple[str, str], str]:
    """The deviations that are known, with their reasons."""
    return {(each["scenario"], each["fact"]): each["reason"] for each in json.loads(DEVIATIONS.read_text())}


@EACH
def test_facts_are_what_happened(sent: Sent, scenario: Scenario) -> None:
    """Each expected fact is observed, but for those that are listed with a reason; none is listed in vain."""
    missed = {fact.name: (fact.expected, fact.observed) for fact in facts(sent, scenario) if not fact.holds}
    known = {fact for name, fact in listed() if name == str(scenario)}
    assert missed.keys() == known, missed


def test_deviations_are_few_and_have_reasons(sent: Sent) -> None:
    """Fewer than three in a hundred; about runs and their status only where the telemetry cannot show it."""
    total = sum(len(facts(sent, scenario)) for scenario in scenarios())
    print(
        f"\n{total} facts of {len(scenarios())} scenarios, {len(listed())} deviate ({len(listed()) / total:.1%})"
    )
    assert len(listed()) < MOST_DEVIATIONS * total
    assert all(listed().values())
    caveats = {str(scenario): scenario.caveat for scenario in scenarios()}
    assert all(caveats[name] for name, fact in listed() if fact in {"runs", "status"})


def false_decisions(scenario: Scenario, rules: Sequence[str]) -> Iterator[str]:
    """Derived decisions of what did not happen: branches that did not run side by side, retries, fallbacks."""
    expected = scenario.expected
    is_parallel = (
        expected.get("order")
        or expected.get("parallel")
        or any(step.get("parallel") for step in expected["steps"])
    )
    has_branches = is_parallel or any(word in scenario.name for word in ("parallel", "fan_out"))
    has_failed = any(step.get("error") for step in expected["steps"]) or "fallback" in scenario.name
    for rule in rules:
        if (
            (rule == "path.parallel" and not has_branches)
            or (rule.startswith("retry.") and not expected["llm_retries"] and not has_failed)
            or (rule == "path.fallback" and not has_failed)
        ):
            yield rule


def test_nothing_is_derived_that_did_not_happen(sent: Sent) -> None:
    """No branch beside another, no retry and no fallback where the facts have none; counted by set."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for scenario in scenarios():
        for trace in scenario.trace_ids():
            found[scenario.pair] += false_decisions(scenario, sent.derived.get(trace, ()))
    print("".join(f"\n{pair}: {len(rules)} false" for pair, rules in found.items()))
    assert {pair: rules for pair, rules in found.items() if rules} == {}


def test_the_readme_says_what_is_seen(sent: Sent) -> None:
    """The table of deploy/FRAMEWORKS.md is the one that this run makes; `UPDATE=1` puts it there."""
    made = table(
        (
            scenario,
            frozenset().union(*(sent.sources.get(trace, frozenset()) for trace in scenario.trace_ids())),
            facts(sent, scenario),
        )
        for scenario in scenarios()
    )
    if os.environ.get("UPDATE"):
        show(made)
    assert shown() == made


def test_nothing_that_was_said_is_found(sent: Sent) -> None:
    """No canary in a table, a file, the journal, a log line, a reply, a metric or `system.errors`."""
    assert leaks(sent.directory, sent.said) == []


def test_the_scan_finds_what_is_there(tmp_path: Path) -> None:
    """A canary in a file, in what was said, or in a table that was loosened on purpose, is found."""
    subprocess.run([sys.executable, "-c", _LOOSENED, str(tmp_path / "data"), f"{CANARY}LOOSE"], check=True)
    (tmp_path / "part.bin").write_bytes(b"\0" + CANARY.encode())
    assert {"said", "part.bin", "agent_steps"} <= set(leaks(tmp_path, f"said {CANARY}"))


_LOOSENED: Final = """
import sys
from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_schemas.rows import StepRow
from agenttrace_schemas.rules import Policy
from tests.support.database import insert_statement, valid_row
database = ClickHouse(f"chdb://{sys.argv[1]}")
Migrator(database, Policy()).up()
database.command("ALTER TABLE agent_steps DROP CONSTRAINT check_identifiers_identifier_pattern")
database.command(insert_statement(StepRow, valid_row(StepRow, name=sys.argv[2])))
"""


def leaks(directory: Path, said: str) -> list[str]:
    """Where a canary is found."""
    found = ["said"] if CANARY in said else []
    paths = (path for path in sorted(directory.rglob("*")) if path.is_file())
    found += [str(path.relative_to(directory)) for path in paths if CANARY.encode() in path.read_bytes()]
    tables = read_back(directory / "data").split("# ")
    return found + [table.partition("\n")[0] for table in tables if CANARY in table]
