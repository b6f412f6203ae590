"""What the API says of itself: a schema for each answer, a page that loads nothing (`make prove NAME=description`)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.api import Api, described, tokens_file
from tests.support.collector import Collector, running_collector
from tests.support.run_documents import DECISION, FAILURE, SIGNAL, run_document


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One with tokens, and with a run that has everything."""
    directory = tmp_path_factory.mktemp("collector")
    settings = {"extensions__auth__tokens_file": str(tokens_file(directory)), "derive__quiet": "0.2s"}
    with running_collector(directory, **settings) as running:
        stated = {"decisions": [DECISION], "quality_signals": [SIGNAL], "failure": FAILURE}
        Api(running, "acme-operator").post(run_document(time.time_ns(), status="failure", **stated))
        yield running


def test_every_answer_has_its_shape() -> None:
    """Each operation describes its answer and its refusals by a schema of its own name."""
    for path, methods in described()["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                assert "$ref" in answer["content"]["application/json"]["schema"], (path, status)


def test_the_page_loads_nothing(collector: Collector) -> None:
    """It names every operation, and no other host."""
    page = Api(collector).get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert all(path in page.text for path in described()["paths"])
    assert not [
        word for word in ("<script", "<link", "src=", "http:", "https:", "@import") if word in page.text
    ]
