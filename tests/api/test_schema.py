"""What the API says of itself: a schema for each answer, a page that loads nothing (`make prove NAME=description`)."""

from __future__ import annotations

from pathlib import Path

from tests.support.api import Api, described, tokens_file
from tests.support.collector import running_collector


def test_every_answer_has_its_shape() -> None:
    """Each operation describes its answer and its refusals by a schema of its own name."""
    for path, methods in described()["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                assert "$ref" in answer["content"]["application/json"]["schema"], (path, status)


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    """It names every operation, and no other host."""
    with running_collector(tmp_path, extensions__auth__tokens_file=str(tokens_file(tmp_path))) as collector:
        page = Api(collector).get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert all(path in page.text for path in described()["paths"])
    assert not [
        word for word in ("<script", "<link", "src=", "http:", "https:", "@import") if word in page.text
    ]
