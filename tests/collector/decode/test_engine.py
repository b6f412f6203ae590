"""Which engine decodes: what the configuration asks for, and what health and metrics say of it."""

from __future__ import annotations

import pytest

from agenttrace_collector.config.problems import ConfigError
from agenttrace_collector.decode import compiled
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.engine import engine_readings, engine_state, open_engine
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.telemetry.metrics import METRICS, Sample
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from tests.support.otlp import DECISION, NOW, STEP, ASpan, logs, traces

CONTEXT = Context(Policy(), "default", NOW)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the compiled engine were not installed."""
    monkeypatch.setattr(compiled, "MODULE", "agenttrace_native_that_is_not_there")


@pytest.mark.usefixtures("without")
def test_python_decodes_where_nothing_else_is_installed() -> None:
    """`auto` never keeps a collector from starting."""
    assert open_engine("auto", CONTEXT.policy).name == "python"
    assert open_engine("python", CONTEXT.policy).name == "python"


@pytest.mark.usefixtures("without")
def test_a_compiled_engine_that_is_asked_for_must_be_there() -> None:
    """The error names the setting and what to install."""
    with pytest.raises(ConfigError, match=r"decode\.engine: .*pip install \./collector/native"):
        open_engine("native", CONTEXT.policy)


def test_python_decodes_both_signals() -> None:
    """The same batches as the functions behind it."""
    engine = open_engine("python", CONTEXT.policy)
    spans, records = traces(ASpan(attributes=STEP)), logs(wire.EVENT_DECISION, DECISION)
    assert engine.traces(spans, CONTEXT) == decode_traces(spans, CONTEXT)
    assert engine.logs(records, CONTEXT) == decode_logs(records, CONTEXT)


def test_health_and_metrics_name_the_engine() -> None:
    """With what was left to Python."""
    engine = open_engine("python", CONTEXT.policy)
    assert engine_state(engine) == {"engine": "python", "handed_back_spans": 0, "declined_requests": 0}
    readings = list(engine_readings(engine))
    assert {reading.name for reading in readings} <= METRICS.keys()
    assert Sample("agenttrace_decode_engine", 1, {"engine": "python"}) in readings
