"""The collector's log: two forms, and no text of an exception in either."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from agenttrace_collector.config.sections import Logs
from agenttrace_collector.logs import set_up_logs


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Handlers and level of the test run come back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(encoding: str, level: str = "info") -> str:
    """What a fault with a received value in its text leaves in the log."""
    stream = io.StringIO()
    set_up_logs(Logs.model_validate({"encoding": encoding, "level": level}), stream)
    try:
        message = "secret value"
        raise ValueError(message)
    except ValueError:
        logging.getLogger("part").exception("it failed", extra={"table": "agent_steps"})
    logging.getLogger("part").info("all is well")
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["console", "json"])
def test_an_exception_leaves_class_and_place_only(encoding: str) -> None:
    """Its text may repeat what it was given."""
    text = logged(encoding)
    assert "secret" not in text
    assert "ValueError" in text
    assert "logged:" in text


def test_json_is_an_object_a_line() -> None:
    """With the fields of the record."""
    first, second = map(json.loads, logged("json").splitlines())
    assert (first["level"], first["logger"], first["msg"]) == ("error", "part", "it failed")
    assert (first["table"], second["msg"]) == ("agent_steps", "all is well")


def test_the_level_is_kept() -> None:
    """What is below it is not written."""
    assert "all is well" not in logged("console", level="warn")
