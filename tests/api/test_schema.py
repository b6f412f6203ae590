"""What the API says of itself: a schema for each answer, a page that loads nothing from elsewhere (`make prove NAME=description`)."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.api import Api, described, tokens_file
from tests.support.collector import running_collector


def test_every_answer_has_its_shape() -> None:
    """Each operation describes its answer and its refusals by a schema of its own name."""
    for path, methods in described()["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                assert "$ref" in answer["content"]["application/json"]["schema"], (path, status)


def test_the_page_is_served_whole_from_here(tmp_path: Path) -> None:
    """Swagger UI, its script, style and picture; the browser is told to load nothing from another host."""
    with running_collector(tmp_path, extensions__auth__tokens_file=str(tokens_file(tmp_path))) as collector:
        api = Api(collector)
        page = api.get("/docs")
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert sorted(loaded) == ["docs/favicon.png", "docs/swagger-ui-bundle.js", "docs/swagger-ui.css"]
        assert {api.get(f"/{path}").status_code for path in loaded} == {200}
        assert api.get("/docs/other.js").status_code == 404
    assert "http" not in page.headers["content-security-policy"]
