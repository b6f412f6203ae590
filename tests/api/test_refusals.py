"""What the API refuses and how it says so, on every endpoint that has such a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from uuid import uuid4

import pytest

from tests.support.api import Api, Operation, operations
from tests.support.collector import Collector, running_collector
from tests.support.run_documents import run_document

pytestmark = pytest.mark.long

SAID = "Where is my order 4711?"
HOSTILE = (
    "'; DROP TABLE agent_runs; --",
    "' OR 1=1 --",
    "\\",
    "{tenant:String}",
    "a\tb\nc\0d",
    "%s%(a)s",
    "\N{SNOWMAN}",
    "\\N",
)
_THERE = "still-there"


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One without tokens, with a run that must be there afterwards."""
    with running_collector(tmp_path_factory.mktemp("collector")) as running:
        there = Api(running)
        assert there.post(run_document(run_id=str(uuid4()), agent_id=_THERE)).status_code == 201
        there.eventually(lambda body: body["total"] == 1, "/v1/runs", agent_id=_THERE)
        yield running


@pytest.fixture
def api(collector: Collector) -> Api:
    """A client."""
    return Api(collector)


def those_with(*names: str) -> list[Operation]:
    """The operations that have one of these parameters."""
    return [each for each in operations() if each.parameters.keys() & set(names)]


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_every_endpoint_answers(api: Api, operation: Operation) -> None:
    """Also of an empty database: 404 for what is not there, 200 for everything else."""
    missing = "run_id" in operation.path
    assert api.get(operation.filled(), **operation.required()).status_code == (404 if missing else 200)


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_a_parameter_that_does_not_exist_is_refused(api: Api, operation: Operation) -> None:
    """Or a slip would widen the answer without a word; what was sent is not repeated."""
    answer = api.get(operation.filled(), **operation.required(), agent_idd=SAID)
    if operation.parameters.keys() - {"run_id"}:
        assert answer.status_code == 422
    assert "agent_idd" not in answer.text
    assert SAID not in answer.text


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "1790000000", "'; DROP TABLE agent_runs", ""])
@pytest.mark.parametrize("operation", those_with("start_time"), ids=str)
def test_a_bad_time_names_its_field(api: Api, operation: Operation, value: str) -> None:
    """422, the value not repeated."""
    answer = api.get(operation.filled(), **operation.required(), end_time=value)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["problems"]] == ["end_time"]
    assert not value or value not in answer.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "0"),
        ("page", "-1"),
        ("page", "one"),
        ("page", "9" * 30),
        ("page_size", "101"),
        ("page_size", "1.5"),
    ],
)
@pytest.mark.parametrize("operation", those_with("page"), ids=str)
def test_a_bad_page_names_its_field(api: Api, operation: Operation, name: str, value: str) -> None:
    """Every list is paged, a hundred at most."""
    answer = api.get(operation.filled(), **{**operation.required(), name: value})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["problems"]] == [name]


@pytest.mark.parametrize("value", ["1", "not-a-uuid", "' OR 1=1", "00000000-0000-0000-0000-00000000000g"])
@pytest.mark.parametrize("operation", those_with("run_id"), ids=str)
def test_a_bad_id_names_its_field(api: Api, operation: Operation, value: str) -> None:
    """422, not 404: such a run cannot be."""
    answer = api.get(operation.path.replace("{run_id}", value))
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["problems"]] == ["run_id"]
    assert value not in answer.text


CLOSED = [
    (each, name)
    for each in operations()
    for name in each.parameters
    if "enum" in each.parameters[name]["schema"]
]


@pytest.mark.parametrize(("operation", "name"), CLOSED, ids=str)
def test_an_unknown_value_is_400_with_those_that_are_known(api: Api, operation: Operation, name: str) -> None:
    """As the description lists them."""
    answer = api.get(operation.filled(), **{**operation.required(), name: SAID})
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["field"] == name
    assert answer.json()["problems"][0]["allowed"] == operation.parameters[name]["schema"]["enum"]
    assert SAID not in answer.text


@pytest.mark.parametrize("operation", {str(each): each for each, _ in CLOSED}.values(), ids=str)
def test_every_known_value_is_taken(api: Api, operation: Operation) -> None:
    """As many at once as there are such parameters."""
    known = {name: operation.parameters[name]["schema"]["enum"] for each, name in CLOSED if each == operation}
    for values in zip_longest(*known.values()):
        chosen = {name: value for name, value in zip(known, values, strict=True) if value is not None}
        assert api.get(operation.filled(), **{**operation.required(), **chosen}).status_code == 200, chosen


REQUIRED = [(each, name) for each in operations() for name in each.required()]


@pytest.mark.parametrize(("operation", "name"), REQUIRED, ids=str)
def test_a_missing_filter_is_422(api: Api, operation: Operation, name: str) -> None:
    """And named."""
    given = {other: value for other, value in operation.required().items() if other != name}
    answer = api.get(operation.filled(), **given)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["problems"]] == [name]


@pytest.mark.parametrize("operation", those_with("agent_id"), ids=str)
def test_hostile_text_is_data(api: Api, operation: Operation) -> None:
    """It names no agent, and nothing else happens; the tables are there afterwards."""
    named = [
        name for name in ("agent_id", "agent_version", "environment", "tool") if name in operation.parameters
    ]
    # Each text in one filter, as many at once as there are filters.
    for first in range(0, len(HOSTILE), len(named)):
        filters = dict(zip(named, HOSTILE[first:], strict=False))
        answer = api.get(operation.filled(), **{**operation.required(), **filters})
        assert answer.status_code == 200, filters
    assert api.found("/v1/runs", agent_id="nobody")["total"] == 0
    assert api.found("/v1/runs", agent_id=_THERE)["total"] == 1


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/nothing", "/v1/runs/", "/v1/runs/a/b/c", "/docs/x", "/static/a.js"]
)
def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    """As a problem like any other."""
    assert (api.get(path).status_code, api.get(path).json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_another_method_is_405(api: Api, method: str) -> None:
    """With those that are allowed."""
    answer = api.send(method, "/v1/runs")
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


def test_nothing_refused_is_in_the_log(api: Api, collector: Collector) -> None:
    """A refusal is the client's to read; what it sent stands nowhere."""
    api.get("/v1/runs", agent_id=SAID, start_time=SAID)
    assert SAID not in collector.log()
    assert "Traceback" not in collector.log()


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_a_database_that_is_away_is_503(away: Api, operation: Operation) -> None:
    """With the time after which to ask again; what needs no database is answered."""
    answer = away.get(operation.filled(), **operation.required())
    if operation.path in {"/health", "/v1/vocabulary"}:
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A client of a collector whose database nobody has started."""
    nobody = {"exporters__clickhouse__endpoint": "http://127.0.0.1:9/agenttrace"}
    with running_collector(tmp_path_factory.mktemp("away"), **nobody) as running:
        yield Api(running)
