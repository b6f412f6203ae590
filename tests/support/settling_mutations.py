"""Runs on which two settling engines might differ: real ones changed, mixed and cut, and runs of random steps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from agenttrace_collector.decode.agent_facts import step_of
from agenttrace_collector.settle.model import DENIAL
from agenttrace_schemas import column_types, wire
from agenttrace_schemas.rows import OutcomeRow, RunRow, SpanLinkRow, StepRow
from agenttrace_schemas.site_vocabulary import VOCABULARY
from agenttrace_schemas.vocabulary import FailureType, RunStatus
from tests.support.rows import BLANK_STEP
from tests.support.settling_values import GAPS, START, step_values, time_near
from tests.support.stored_runs import StoredRun, agent_runs, corpus_runs, reference_runs

_OFTEN: Final = ("chat", "chat", "execute_tool", "execute_tool", "retrieval", "invoke_agent")


def changed(random: Random, run: StoredRun) -> None:
    """One change, of a kind that this module knows."""
    random.choice(_CHANGES)(random, run)


def _change_step(random: Random, run: StoredRun) -> None:
    if not run.steps:
        return
    values = step_values(random, run)
    names = random.sample(sorted(values), random.choice((1, 1, 2, 5)))
    place = random.randrange(len(run.steps))
    run.steps[place] = replace(run.steps[place], **{name: values[name]() for name in names})


def _copy_step(random: Random, run: StoredRun) -> None:
    """Another step beside one, with a span of its own."""
    if run.steps:
        one = random.choice(run.steps)
        number = random.getrandbits(64)
        copied = replace(one, step_id=random.randbytes(16), span_id=number)
        run.steps.insert(random.randrange(len(run.steps) + 1), copied)
        if random.random() < 0.5:
            run.steps[-1] = replace(run.steps[-1], parent_span_id=number)


def _drop(random: Random, run: StoredRun) -> None:
    """Something that has not arrived."""
    rows: list[Any] = random.choice((run.steps, run.steps, run.links, run.candidates, run.told))
    if rows:
        rows.pop(random.randrange(len(rows)))


def _shuffle(random: Random, run: StoredRun) -> None:
    for rows in (run.steps, run.links, run.candidates, run.outcomes, run.told):
        random.shuffle(rows)


def _link(random: Random, run: StoredRun) -> None:
    """A span that is no step takes the place of one, or stands above one."""
    if run.steps:
        step, other = random.choice(run.steps), random.choice(run.steps)
        span, parent = random.choice(
            ((step.parent_span_id, other.span_id), (step.span_id, step.parent_span_id))
        )
        run.links.append(
            SpanLinkRow(
                tenant=run.tenant,
                run_id=run.run_id,
                trace_id=step.trace_id,
                span_id=span,
                parent_span_id=parent,
                started_at=step.started_at,
                created_at=step.created_at,
            )
        )


def _change_candidate(random: Random, run: StoredRun) -> None:
    if not run.candidates:
        return
    place = random.randrange(len(run.candidates))
    spans: Sequence[StepRow | RunRow] = [*run.steps, *run.candidates]
    near = random.choice(spans)
    values: Mapping[str, Callable[[], Any]] = {
        "status": lambda: random.choice(tuple(map(str, RunStatus))),
        "started_at": lambda: time_near(random, run),
        "ended_at": lambda: time_near(random, run),
        "agent_id": lambda: random.choice((wire.UNKNOWN, "agent")),
        "actor": lambda: random.choice(("", "planner")),
        "source": lambda: random.choice(column_types.SOURCES),
        "span_id": lambda: random.choice((near.span_id, 9)),
        "parent_run_id": lambda: random.choice((None, b"p" * 16)),
        "conversation_id": lambda: random.choice(("", "b" * 64)),
    }
    changes = {name: values[name]() for name in random.sample(sorted(values), random.choice((1, 2)))}
    if random.random() < 0.3:
        run.candidates.append(replace(run.candidates[place], **changes))
    else:
        run.candidates[place] = replace(run.candidates[place], **changes)


def _outcome(random: Random, run: StoredRun) -> None:
    failure = random.choice(("", "", *map(str, FailureType), "other"))
    run.outcomes.append(
        OutcomeRow(
            outcome_id=random.randbytes(16),
            run_id=run.run_id,
            status=random.choice(tuple(map(str, RunStatus))),
            failure_type=failure,
            failure_code=random.choice(("timeout", "late")) if failure else "",
            recorded_at=START + random.choice(GAPS),
            created_at=START,
            tenant=run.tenant,
            source="agenttrace",
        )
    )


def _tell(random: Random, run: StoredRun) -> None:
    """A decision, signal or failure, of the run's agent or another, near it in time or not."""
    if not run.steps:
        return
    step = random.choice(run.steps)
    kind = random.choice(("decision", "signal", "failure"))
    known = {"decision": VOCABULARY.decisions, "signal": VOCABULARY.signals}.get(kind)
    of_type = random.choice(sorted(known) if known else ["tool", "model", "odd"])
    codes = ["timeout", "a b", " odd", "me@example.com"] if known is None else [*known[of_type], "site_rule"]
    call = None if step.call_id is None else step_of(step.run_id, step.call_id)
    run.told.append(
        {
            "tenant": run.tenant,
            "run_id": run.run_id,
            "step_id": random.choice((None, step.step_id, step.step_id, call)),
            "stated": random.choice((of_type, of_type, DENIAL)) if kind == "decision" else of_type,
            "kind": kind,
            "type": of_type,
            "code": random.choice(codes),
            "agent_id": random.choice((step.agent_id, step.agent_id, wire.UNKNOWN, "other")),
            "agent_version": random.choice((step.agent_version, step.agent_version, "9")),
            "environment": step.environment,
            "time": random.choice((step.started_at, step.ended_at, time_near(random, run))),
            "number": {
                "decision": random.choice((None, 0.0, 0.1, 0.3, 1.0)),
                "signal": random.choice((0.0, 1.0)),
            }.get(kind),
        }
    )


_CHANGES: Final = (
    *(_change_step,) * 6,
    *(_copy_step, _copy_step, _drop, _shuffle, _link, _change_candidate, _outcome, _tell, _tell),
)


def random_run(random: Random) -> StoredRun:
    """Steps of few kinds below each other, in little time, that know little of each other's facts."""
    run = StoredRun("default", random.randbytes(16))
    trace = random.randbytes(16)
    sources = random.choice((column_types.SOURCES, ("coding_agent",), ("genai",)))
    for number in range(1, random.choice((2, 3, 5, 9))):
        started = START + random.choice(GAPS)
        given: dict[str, Any] = {
            "run_id": run.run_id,
            "trace_id": trace,
            "span_id": number,
            "parent_span_id": random.randrange(number),
            "started_at": started,
            "ended_at": started + random.choice(GAPS),
            "created_at": START,
            "step_id": random.randbytes(16),
            "source": random.choice(sources),
            "role": random.choice(("leaf", "leaf", "leaf", *column_types.ROLES)),
            "operation": random.choice((*_OFTEN, *_OFTEN, *column_types.OPERATIONS)),
            "status": random.choice(("ok", "error")),
        }
        run.steps.append(StepRow(**{**BLANK_STEP, **given}))
        values = step_values(random, run)
        free = sorted(values.keys() - {*given, "metadata", "agent_version", "environment", "seq"})
        names = [name for name in free if random.random() < 0.4]
        run.steps[-1] = replace(run.steps[-1], **{name: values[name]() for name in names})
    return run


def cases(seed: int, number: int) -> Iterator[StoredRun]:
    """So many runs: of the corpus and of coding agents changed a few times, two of them as one, and random ones."""
    random = Random(seed)
    real = [*corpus_runs(), *agent_runs(), *reference_runs(20)]
    # A large run costs as much as many small ones, and shows no more.
    real = [run for run in real if len(run.steps) <= 40]
    for _ in range(number):
        if random.random() < 0.3:
            run = random_run(random)
        else:
            run = _again(random, random.choice(real))
            if random.random() < 0.15:
                _join(random, run, random.choice(real))
        for _ in range(random.choice((0, 1, 2, 4, 8))):
            changed(random, run)
        yield run


def _again(random: Random, run: StoredRun) -> StoredRun:
    """A run with an id of its own, that can be changed; what it holds names it by that id."""
    run = copy.copy(run)
    run_id = random.randbytes(16)
    run.run_id = run_id
    run.steps = [replace(each, run_id=run_id) for each in run.steps]
    run.links = [replace(each, run_id=run_id) for each in run.links]
    run.candidates = [replace(each, run_id=run_id) for each in run.candidates]
    run.outcomes = [replace(each, run_id=run_id) for each in run.outcomes]
    run.told = [{**each, "run_id": run_id} for each in run.told]
    return run


def _join(random: Random, run: StoredRun, other: StoredRun) -> None:
    """Two runs under one id, at one time."""
    steps = [replace(each, run_id=run.run_id) for each in other.steps]
    if run.steps and steps:
        by = run.steps[0].started_at - steps[0].started_at + random.choice(GAPS)
        steps = [
            replace(each, started_at=each.started_at + by, ended_at=each.ended_at + by) for each in steps
        ]
    run.steps += steps
