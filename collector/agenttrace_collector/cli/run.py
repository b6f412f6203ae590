"""`agenttrace run`: one run as it went, step by step, with what was decided, observed and failed at each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from agenttrace_collector.cli.expand import expand_options
from agenttrace_collector.cli.output import OutputOptions, OutputRow, decimal, moment

_WIDTH: Final = 40
_KINDS: Final = {
    "decisions": ("recorded_at", "decided"),
    "quality_signals": ("recorded_at", "observed"),
    "failures": ("occurred_at", "failed"),
    "evaluations": ("recorded_at", "evaluated"),
    "outcomes": ("recorded_at", "outcome"),
}


@expand_options
def run(
    run_id: Annotated[str, typer.Argument(help="The run's id, as `agenttrace runs` lists it.")],
    form: OutputOptions,
) -> None:
    """Show what happened in one run."""
    body = form.ask(f"/v1/runs/{_path(run_id)}/details", {})
    form.show(body, list(_rows(body)), lambda console: _tell(console, body))


def _path(run_id: str) -> str:
    """An id as part of a path: what is none of an id is not sent on."""
    return "".join(each for each in run_id if each.isalnum() or each == "-") or "-"


def _tell(console: Console, body: Mapping[str, Any]) -> None:
    found = body["run"]
    console.print(Text(f"{found['run_id']}  {found['status']}", style="bold"))
    told = (found["agent_id"], found["agent_version"], found["environment"], moment("started_at")(found))
    console.print(Text("  ".join(filter(None, told))))
    counts = ("steps", "failed_steps", "model_calls", "tool_calls", "retrievals", "retries")
    console.print(Text(", ".join(f"{found[name]:,} {name.replace('_', ' ')}" for name in counts)))
    tokens = f"{found['input_tokens']:,} tokens in, {found['output_tokens']:,} out"
    console.print(Text(tokens + ("" if found["settled"] else "; not settled yet")) + Text("\n"))
    events = _by_step(body)
    decided = {
        each["decision_id"]: f"{each['decision_type']} {each['selected']}" for each in body["decisions"]
    }
    for step in body["steps"]:
        console.print(_line(step, found))
        if (chosen := decided.get(step["decision_id"])) and step["role"] != "wrapper":
            console.print(Text(f"        carries out: {chosen}"))
        for event in events.pop(step["step_id"], ()):
            console.print(event)
    for rest in events.values():
        for event in rest:
            console.print(event)


def _line(step: OutputRow, of: OutputRow) -> Text:
    """A step with its place in the run's time."""
    start, end = (_seconds(of[name]) for name in ("started_at", "ended_at"))
    whole = max(end - start, 1e-9)
    begin = int(max(0.0, min(1.0, (_seconds(step["started_at"]) - start) / whole)) * (_WIDTH - 1))
    length = max(1, round(step["latency_ms"] / 1000 / whole * _WIDTH))
    place = (" " * begin + "█" * length)[:_WIDTH].ljust(_WIDTH)
    failed = step["status"] == "error"
    label = f"{step['seq']:>4}  {step['step_type']:<10} {step['name'][:32]:<32} {place} {step['latency_ms']:>10,.1f} ms"
    return Text(f"{label}  {step['error_type']}" if failed else label, style="red" if failed else "")


def _by_step(body: Mapping[str, Any]) -> dict[str | None, list[Text]]:
    """What belongs to each step, in the order of time; under None what belongs to the run."""
    placed: dict[str | None, list[tuple[str, Text]]] = {}
    for kind, (time, verb) in _KINDS.items():
        for event in body[kind]:
            text = Text(f"        {verb}: {_said(kind, event)}", style="dim" if event.get("rule") else "")
            placed.setdefault(event.get("step_id"), []).append((event[time], text))
    return {
        step: [text for _, text in sorted(events, key=lambda pair: pair[0])]
        for step, events in placed.items()
    }


def _said(kind: str, event: OutputRow) -> str:
    if kind == "decisions":
        text = f"{event['decision_type']} {event['selected']}, reason {event['reason_code']}"
        if event["confidence"] is not None:
            text += f", confidence {event['confidence']:.2f}"
        if event["tool_name"]:
            text += f", tool {event['tool_name']}"
        if event["wait_ms"] is not None:
            text += f", waited {event['wait_ms']:,} ms"
    elif kind == "quality_signals":
        text = f"{event['signal_type']} {event['signal_code']} = {str(event['value']).lower()}"
    elif kind == "evaluations":
        text = " ".join(
            filter(None, (event["name"], decimal("score")(event), event["label"], event["error_type"]))
        )
    elif kind == "outcomes":
        text = " ".join(filter(None, (event["status"], event["failure_type"], event["failure_code"])))
    else:
        text = f"{event['failure_type']} {event['failure_code']}"
    return f"{text}  (derived by {event['rule']})" if event.get("rule") else text


def _rows(body: Mapping[str, Any]) -> Iterator[OutputRow]:
    """Steps and what belongs to them as rows of one table."""
    for kind in ("steps", *_KINDS):
        for row in body[kind]:
            yield {"kind": kind, **row}


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
