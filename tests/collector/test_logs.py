"""The collector's log: two forms, and no text of an exception in either."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agenttrace_collector.config.sections import Logs
from agenttrace_collector.telemetry.logging import RateLimit, log_loop_error, set_up_logs


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
        logging.getLogger("agenttrace_part").exception("it failed", extra={"table": "agent_steps"})
    logging.getLogger("agenttrace_part").info("all is well")
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["console", "json"])
def test_an_exception_leaves_class_and_place_only(encoding: str) -> None:
    """Its text may repeat what it was given."""
    text = logged(encoding)
    assert "secret" not in text
    assert "ValueError" in text
    assert "logged:" in text


@pytest.mark.parametrize("encoding", ["console", "json"])
@pytest.mark.parametrize("level", ["debug", "info"])
def test_of_another_library_only_the_place_is_told(encoding: str, level: str) -> None:
    """Its message may hold what was received, before and after values are put in."""
    stream = io.StringIO()
    set_up_logs(Logs.model_validate({"encoding": encoding, "level": level}), stream)
    logging.getLogger("grpc.aio").error("Invalid encoding on %s", b"secret")
    logging.getLogger("another.library").error("secret %s", "value")
    logging.getLogger("agenttracelike").error("ours")
    logging.getLogger().error("secret at the root")
    text = stream.getvalue()
    assert "secret" not in text
    assert text.count("test_of_another_library_only_the_place_is_told:") == 3
    assert "grpc.aio" in text


@pytest.mark.parametrize(
    "fault",
    [
        "raise ValueError('secret')",
        "import threading; threading.Thread(target=lambda: 1 / {'secret': 0}['secret']).start()",
        "class Bad:\n    def __del__(self): raise ValueError('secret')\nBad()",
        "import asyncio\nasync def fail(): raise ValueError('secret')\nasyncio.run(fail())",
    ],
)
def test_what_nobody_caught_leaves_class_and_place_only(fault: str) -> None:
    """Python's own hooks print the text."""
    script = (
        "from agenttrace_collector.config.sections import Logs\n"
        "from agenttrace_collector.telemetry.logging import log_uncaught_exceptions, set_up_logs\n"
        f"set_up_logs(Logs())\nlog_uncaught_exceptions()\n{fault}\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "secret" not in ended.stdout + ended.stderr
    assert "an exception was not caught error=" in ended.stderr


def test_json_is_an_object_a_line() -> None:
    """With the fields of the record."""
    first, second = map(json.loads, logged("json").splitlines())
    assert (first["level"], first["logger"], first["msg"]) == ("error", "agenttrace_part", "it failed")
    assert (first["table"], second["msg"]) == ("agent_steps", "all is well")


def test_the_level_is_kept() -> None:
    """What is below it is not written."""
    assert "all is well" not in logged("console", level="warn")


def test_a_message_that_repeats_is_held_back_and_counted() -> None:
    """Each by itself, whatever values it has; with the next minute's first one it is told how often."""
    now = [0.0]
    limit = RateLimit(most=3, now=lambda: now[0])

    def record(text: str = "refused %s", value: int = 0) -> logging.LogRecord:
        return logging.LogRecord("agenttrace_part", logging.WARNING, "", 0, text, (value,), None)

    assert [limit.passes(record(value=number)) for number in range(10)] == [True] * 3 + [False] * 7
    assert limit.passes(record("another %s"))
    now[0] = 60.0
    first, second = record(), record()
    assert limit.passes(first)
    assert limit.passes(second)
    assert (first.__dict__["held_back"], second.__dict__.get("held_back")) == (7, None)


def test_messages_that_differ_each_time_are_held_back_too() -> None:
    """Neither lines nor memory grow with them."""
    limit = RateLimit(most=3)
    records = (
        logging.LogRecord("agenttrace_part", logging.WARNING, "", 0, str(number), (), None)
        for number in range(10_000)
    )
    assert sum(map(limit.passes, records)) < 1_000


def test_a_fault_of_the_event_loop_says_no_value() -> None:
    """Asyncio's own text repeats what a callback was given."""
    stream = io.StringIO()
    set_up_logs(Logs(), stream)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(log_loop_error)
    loop.call_soon({"secret": 1}.__getitem__, "secret value")
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    assert "Exception in" in stream.getvalue()
    assert "KeyError" in stream.getvalue()
    assert "secret" not in stream.getvalue()
