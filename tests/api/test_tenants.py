"""A tenant sees its own rows on every endpoint, whatever it sends; a token does what its role says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.support.api import Api, Operation, operations, tokens_file
from tests.support.collector import Collector, running_collector
from tests.support.run_documents import DECISION, FAILURE, SIGNAL, run_document

pytestmark = pytest.mark.long

# Theirs: no answer to the other tenant may hold any of it.
RUN_ID = "6f1d1a52-52b1-4c9c-8d05-5a1f3ad0c0aa"
THEIRS = (RUN_ID, "secret-agent", "9.9.9", "lab-42", "probe_tool", "probe-score")
APPROVAL = {
    "decision_type": "approval",
    "selected": "allow",
    "reason_code": "policy_rule",
    "tool_name": "probe_tool",
}
EVALUATION = {
    "run_id": RUN_ID,
    "name": "probe-score",
    "score": 1.0,
    "agent_id": "secret-agent",
    "agent_version": "9.9.9",
    "environment": "lab-42",
}
OPEN = frozenset({"/health", "/v1/vocabulary"})
GUARDED = [each for each in operations() if each.path != "/health"]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One in which a tenant has a run with everything, and a decision that was refused."""
    directory = tmp_path_factory.mktemp("collector")
    settings = {"extensions__auth__tokens_file": str(tokens_file(directory)), "derive__quiet": "1s"}
    with running_collector(directory, **settings) as running:
        assert Api(running, "acme-ingest").post(theirs()).status_code == 201
        settled = Api(running, "acme-read").eventually(lambda runs: bool(runs["runs"]), "/v1/runs")
        assert settled["total"] == 1
        # The second one is of a run of which there is nothing else.
        sent = {"evaluations": [EVALUATION, {**EVALUATION, "run_id": str(UUID(int=7))}]}
        assert Api(running, "acme-ingest").send("POST", "/v1/evaluations", json=sent).status_code == 201
        evaluated = "/v1/evaluations/aggregate"
        Api(running, "acme-read").eventually(lambda found: bool(found["aggregations"]), evaluated)
        yield running


def theirs() -> dict[str, Any]:
    """A run of the first tenant; its first step carries out its first decision."""
    document = run_document(
        time.time_ns(),
        run_id=RUN_ID,
        agent_id="secret-agent",
        agent_version="9.9.9",
        environment="lab-42",
        status="failure",
        failure=FAILURE,
        decisions=[
            {**DECISION, "selected": "probe_tool", "decision_id": "d-1"},
            {**DECISION, "decision_type": "mood"},
            APPROVAL,
        ],
        quality_signals=[SIGNAL],
    )
    document["steps"][0]["decision_id"] = "d-1"
    return document


def of_theirs(operation: Operation) -> tuple[str, dict[str, str]]:
    """The request that asks for exactly what the first tenant has."""
    names = {"agent_id": "secret-agent", "agent_version": "9.9.9", "version_a": "9.9.9", "version_b": "9.9.8"}
    filters = {name: value for name, value in names.items() if name in operation.parameters}
    return operation.path.replace("{run_id}", RUN_ID), filters


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_their_owner_sees_them(collector: Collector, operation: Operation) -> None:
    """The request of the test below does find them."""
    path, filters = of_theirs(operation)
    answer = Api(collector, "acme-read").get(path, **filters)
    assert answer.status_code == 200
    if operation.path not in OPEN:
        assert any(
            text in answer.text
            for text in (*THEIRS, "fresh_data_required", "first_attempt", "decision.type", '"runs":1')
        )


@pytest.mark.parametrize("token", ["initech-read", "initech-operator"])
@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_another_tenant_does_not(collector: Collector, operation: Operation, token: str) -> None:
    """Neither their names nor their numbers; the operator of one tenant is none of another."""
    path, filters = of_theirs(operation)
    answer = Api(collector, token).get(path, **filters)
    assert answer.status_code == (404 if "run_id" in operation.parameters else 200)
    shown = answer.text.replace('"version_a":"9.9.9"', "")
    assert not [text for text in THEIRS if text in shown]
    if operation.path not in OPEN and answer.status_code == 200:
        assert numbers(answer.json()) <= {0, 1, 100, 0.05, 86_400}  # the last is the length of an interval


def numbers(found: Any) -> set[float]:
    """Every number of a body but those that are the page's."""
    if isinstance(found, dict):
        return set().union(*(numbers(value) for value in found.values()))
    if isinstance(found, list):
        return set().union(*map(numbers, found))
    return {found} if isinstance(found, int | float) else set()


@pytest.mark.parametrize("name", ["tenant", "param_tenant", "x-tenant", "user", "database"])
@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_a_tenant_cannot_be_asked_for(collector: Collector, operation: Operation, name: str) -> None:
    """The token says who asks, nothing else does."""
    path, filters = of_theirs(operation)
    api = Api(collector, "initech-read")
    answers = [
        api.get(path, **filters, **{name: "acme"}),
        api.send("GET", path, params=filters, headers={name: "acme"}),
    ]
    for answer in answers:
        shown = answer.text.replace('"version_a":"9.9.9"', "")
        assert not [text for text in THEIRS if text in shown]


def test_the_same_run_id_is_another_run_of_another_tenant(collector: Collector) -> None:
    """And neither sees the other's."""
    own = {**theirs(), "agent_id": "our-agent"}
    assert Api(collector, "initech-ingest").post(own).status_code == 201
    found = Api(collector, "initech-read").eventually(lambda runs: bool(runs["runs"]), "/v1/runs")
    assert [run["agent_id"] for run in found["runs"]] == ["our-agent"]
    assert Api(collector, "acme-read").found(f"/v1/runs/{RUN_ID}")["agent_id"] == "secret-agent"


@pytest.mark.parametrize(("token", "status"), [("", 401), ("nobody", 401), ("acme-ingest", 403)])
@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_only_readers_read(collector: Collector, operation: Operation, token: str, status: int) -> None:
    """Before anything of the request is looked at; the answer says which scheme is wanted."""
    answer = Api(collector, token).get(operation.filled(), page="frog")
    assert answer.status_code == status
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


def test_health_is_told_to_everyone(collector: Collector) -> None:
    """A load balancer has no token."""
    assert Api(collector).found("/health")["status"] == "accepting"


def test_the_description_names_the_token(collector: Collector) -> None:
    """On every operation but health."""
    document = Api(collector).found("/openapi.json")
    guarded = {
        path
        for path, methods in document["paths"].items()
        if all("security" in each for each in methods.values())
    }
    assert document["paths"].keys() - guarded == {"/health"}
