"""Texts made to slow patterns down: four times the text takes about four times as long, in every field."""

from __future__ import annotations

import time

import pytest

from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_schemas import allowlist, wire
from agenttrace_schemas.rules import Policy
from tests.support.otlp import DECISION, FAILURE, NOW, SIGNAL, STEP, ASpan, logs, traces

KEYS = sorted(
    {
        value
        for module in (wire, allowlist)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and "." in value and " " not in value
    }
    | {
        f"{wire.METADATA_PREFIX}note",
        "gen_ai.completion.0.tool_calls.0.name",
        "retrieval.documents.0.document.id",
    }
)
# What the parts of the patterns repeat: names, words, dots, digits, secrets, errors, templates.
PARTS = [
    *(
        "a",
        "a ",
        "a.",
        "a@",
        "a@a.",
        "a-",
        "-",
        "_",
        " ",
        "(",
        "a (",
        "1",
        "1234 ",
        "1234-",
        "A",
        "Aa",
        "aB.",
    ),
    *(
        "sk-",
        "eyJ",
        "eyJ.",
        "Error",
        "time",
        "time out ",
        "exit code ",
        "not",
        "tool not ",
        "unknown ",
        "no such ",
    ),
    *("{", "{{", "${", "%", "\\", "/", "://", "'", '"', "\n", "\u00e9", "\U0001f600"),
]
ENDS = ["!", "@"]
SMALL, FACTOR = 3_000, 4
# Twice what linear time would be, and a second less than nothing to measure.
SLACK, LEAST_SECONDS = 2.5, 0.02


def seconds(policy: Policy, part: str, size: int) -> float:
    """CPU seconds to decode a request with such a text under every key, in names, status and errors."""
    context = Context(policy, "default", NOW)
    texts = [part * (size // len(part)) + end for end in ENDS]
    bodies = [
        traces(
            ASpan(
                attributes={**dict.fromkeys(KEYS, text), **STEP},
                events=[
                    ("agenttrace.decision", {**dict.fromkeys(KEYS, text), **DECISION}),
                    ("agenttrace.quality_signal", {**dict.fromkeys(KEYS, text), **SIGNAL}),
                    (
                        "agenttrace.failure",
                        {**dict.fromkeys(KEYS, text), **FAILURE, wire.FAILURE_MESSAGE: text},
                    ),
                    ("exception", {"exception.type": text, "exception.message": text}),
                    (text, {text: text}),
                ],
                name=text,
                error=True,
            ),
            resource=dict.fromkeys(("service.name", "service.version", *KEYS), text),
        )
        for text in texts
    ]
    records = [logs("agenttrace.decision", dict.fromkeys(KEYS, text)) for text in texts]
    started = time.process_time()
    for body in bodies:
        decode_traces(body, context)
    for record in records:
        decode_logs(record, context)
    return time.process_time() - started


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_time_grows_with_the_text(part: str) -> None:
    """Under the widest policy, which looks longest; the best of two is what the text costs."""
    policy = Policy(labels="relaxed", failure_messages="keep", site_key=b"key")
    small = min(seconds(policy, part, SMALL) for _ in range(2))
    large = min(seconds(policy, part, SMALL * FACTOR) for _ in range(2))
    assert large < max(LEAST_SECONDS, small * FACTOR * SLACK)
