"""Decodes a run document to enforced rows: bytes and a context in, a batch out; no clock, no I/O, no log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from pydantic import ValidationError

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.builder import BatchBuilder, digest_of
from agenttrace_collector.decode.events import EventIds, Origin
from agenttrace_collector.decode.json_body import parse_json
from agenttrace_collector.decode.run_document.events import DocumentPlace, decisions_and_signals, failure_row
from agenttrace_collector.decode.run_document.fields import (
    FORM,
    Refusal,
    RunDocument,
    StepDocument,
    operation_of,
    refusals,
)
from agenttrace_collector.errors import Rejected
from agenttrace_schemas import names, wire
from agenttrace_schemas.counts import MOST_SEQ
from agenttrace_schemas.metadata import check_metadata
from agenttrace_schemas.rows import Row, RunRow, StepRow
from agenttrace_schemas.rules import RULES, Scalar, Violation
from agenttrace_schemas.spellings import FINISH_REASONS, OUTPUT_TYPES

SOURCE: Final = "api"
_MILLISECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBatch(Batch):
    """The rows of one document.

    With `problems` the document is invalid, and its only rows are rejections. `refused` lists the decisions and
    signals that a rule refused; `stored` counts the others by kind.
    """

    run_id: bytes = b""
    problems: tuple[Refusal, ...] = ()
    refused_parts: tuple[Refusal, ...] = ()
    stored: Mapping[str, int]


def decode_run(body: bytes, context: Context) -> RunBatch:
    """Returns the batch of one run document; raises `Rejected` if the bytes are not a JSON object."""
    given = _parsed(body)
    try:
        document = RunDocument.model_validate(given)
    except ValidationError as error:
        return _invalid(body, context, refusals(error), _Named.of(given))
    return _Reading(document, body, context).batch()


def _parsed(body: bytes) -> dict[str, Any]:
    given = parse_json(body)
    if not isinstance(given, dict):
        message = "the body must be a JSON object"
        raise Rejected(message)
    return given


@dataclass(frozen=True, slots=True)
class _Named:
    """What a document calls its run and agent, as far as it does."""

    run_id: str = ""
    agent_id: str = ""
    agent_version: str = ""
    environment: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> _Named:
        names = {name.name: given.get(name.name) for name in fields(cls)}
        return cls(**{name: value for name, value in names.items() if isinstance(value, str)})


def _origin(named: _Named, builder: BatchBuilder) -> Origin:
    context = builder.context
    run_id = identity.parse_or_hash_id(named.run_id) if named.run_id else b""
    # A document has no trace: its run stands for one, so that settling finds its steps together.
    span_id = identity.uuid5(run_id)[:8]
    return Origin(
        tenant=context.tenant,
        run_id=run_id,
        step_id=b"",
        trace_id=run_id,
        span_id=span_id,
        span_number=int.from_bytes(span_id),
        agent_id=builder.identifier(named.agent_id, "agent_id") or wire.UNKNOWN,
        agent_version=builder.identifier(named.agent_version, "agent_version") or wire.UNKNOWN,
        environment=builder.identifier(named.environment, "environment") or wire.DEFAULT_ENVIRONMENT,
        actor="",
        created_at=context.received_at,
    )


def _invalid(body: bytes, context: Context, problems: list[Refusal], named: _Named) -> RunBatch:
    """A batch that holds nothing of the document but which rules refused it."""
    builder = BatchBuilder(context, digest_of("refused run", body, context))
    before = builder.counts()
    builder.received = builder.refused = 1
    origin = _origin(named, builder)
    for problem in problems:
        builder.refuse("run", Violation(problem.rule, _key(problem.field)), origin)
    builder.sent_by(origin.agent_id, before)
    return _finished(builder.batch(), problems=tuple(problems), run_id=origin.run_id, stored={})


def _key(field: str) -> str:
    """A place as an attribute key: without numbers of elements."""
    return "".join(part.partition("]")[2] if number else part for number, part in enumerate(field.split("[")))


def _finished(batch: Batch, **more: Any) -> RunBatch:
    return RunBatch(**{each.name: getattr(batch, each.name) for each in fields(Batch)}, **more)


class _Reading:
    """One valid document on its way to rows."""

    def __init__(self, document: RunDocument, body: bytes, context: Context) -> None:
        self._document = document
        self._body = body
        self._context = context
        run = identity.parse_or_hash_id(document.run_id)
        # The run's id, not the bytes, tells whether a document is sent again.
        self._builder = BatchBuilder(context, digest_of("run", run, context))
        self._named = _Named.of(document.model_dump(include={each.name for each in fields(_Named)}))
        self._origin = _origin(self._named, self._builder)
        self._problems: list[Refusal] = []
        self._steps: dict[bytes, tuple[int, int]] = {}

    def batch(self) -> RunBatch:
        document, builder = self._document, self._builder
        before = builder.counts()
        builder.received = 1
        steps = list(self._step_rows())
        run = self._run_row(steps)
        place = DocumentPlace(
            self._origin, self._context.policy, self._steps, (run.started_at, run.ended_at), builder.in_range
        )
        failure, problems = failure_row(document.failure, place)
        self._problems += problems
        if self._problems:
            return _invalid(self._body, self._context, self._problems, self._named)
        rows: list[Row] = [run, *steps, *([failure] if failure else [])]
        for row in rows:
            builder.add_event(row)
        builder.conventions[SOURCE] += len(steps)
        stated, refused = decisions_and_signals(document, place, builder, EventIds(self._origin))
        builder.sent_by(self._origin.agent_id, before)
        stored = {"steps": len(steps), "failures": int(failure is not None), **stated}
        return _finished(
            builder.batch(), run_id=self._origin.run_id, refused_parts=tuple(refused), stored=stored
        )

    def _run_row(self, steps: list[StepRow]) -> RunRow:
        document, origin = self._document, self._origin
        started = self._time("started_at", document.started_at, RunRow.TABLE)
        latest = max((step.ended_at for step in steps), default=started)
        ended = (
            latest if document.ended_at is None else self._time("ended_at", document.ended_at, RunRow.TABLE)
        )
        if document.ended_at is not None and ended < started:
            self._problems.append(Refusal("ended_at", FORM, "must be a time not before started_at"))
        return RunRow(
            run_id=origin.run_id,
            agent_id=origin.agent_id,
            agent_version=origin.agent_version,
            environment=origin.environment,
            status=document.status,
            started_at=started,
            ended_at=max(started, ended),
            created_at=origin.created_at,
            tenant=origin.tenant,
            trace_id=origin.trace_id,
            span_id=origin.span_number,
            parent_run_id=identity.parse_or_hash_id(document.parent_run_id)
            if document.parent_run_id
            else None,
            conversation_id=names.conversation_hash(
                self._context.policy.site_key, document.conversation_id or ""
            ),
            actor="",
            source=SOURCE,
        )

    def _step_rows(self) -> Iterator[StepRow]:
        for number, step in enumerate(self._document.steps or ()):
            at = f"steps[{number}]"
            row = self._step_row(step, number, at)
            if row.step_id in self._steps:
                self._problems.append(Refusal(f"{at}.step_id", FORM, "must differ from the other step_ids"))
            self._steps[row.step_id] = (row.started_at, row.ended_at)
            is_failed = step.status is None and (step.error_type or self._failure_code(step) is not None)
            yield self._confirmed(replace(row, status="error") if is_failed else row)

    def _failure_code(self, step: StepDocument) -> str | None:
        """The code of the document's failure where that is of this step."""
        failure = self._document.failure
        is_its = failure is not None and step.step_id is not None and failure.step_id == step.step_id
        return str(failure.failure_code) if failure and is_its else None

    def _confirmed(self, row: StepRow) -> StepRow:
        """The step with what stands for the name of a tool that it does not show to exist."""
        policy = self._context.policy
        failed = row.status == "error"
        if row.operation not in names.OPERATIONS:
            return row
        kept = names.tool_name(
            policy.site_key, row.tool_name, failed=failed, error_type=row.error_type, tools=policy.tools
        )
        if kept == row.tool_name:
            return row
        self._builder.changed(names.RULE, "steps.tool_name")
        return replace(row, tool_name=kept, name=kept)

    def _step_row(self, step: StepDocument, number: int, at: str) -> StepRow:
        origin, builder = self._origin, self._builder
        started, ended, latency = self._step_times(step, at)
        step_id = DocumentPlace.own_id(origin.run_id, step.step_id or f"\x00{number}")
        model = builder.identifier(step.model or "", "steps.model")
        tool = builder.identifier(step.tool_name or "", "steps.tool_name")
        name = builder.identifier(step.name or "", "steps.name") or tool or model
        seq = builder.count(step.seq, "steps.seq", MOST_SEQ)
        return StepRow(
            step_id=step_id,
            run_id=origin.run_id,
            seq=number + 1 if seq is None else seq,
            step_type=step.step_type,
            name=name,
            latency_ms=latency,
            started_at=started,
            ended_at=max(started, ended),
            metadata=self._metadata(step, at),
            created_at=origin.created_at,
            tenant=origin.tenant,
            agent_id=origin.agent_id,
            agent_version=origin.agent_version,
            environment=origin.environment,
            actor="",
            trace_id=origin.trace_id,
            span_id=int.from_bytes(identity.step(origin.run_id, step_id)[:8]),
            parent_span_id=origin.span_number,
            role="leaf",
            operation=operation_of(step),
            status=step.status or "unset",
            error_type=builder.identifier(
                step.error_type or _if_it_ran(self._failure_code(step)), "steps.error_type"
            ),
            tool_name=tool or (name if step.step_type == "tool" else ""),
            model=model,
            response_model="",
            input_tokens=builder.count(step.input_tokens, "steps.input_tokens"),
            output_tokens=builder.count(step.output_tokens, "steps.output_tokens"),
            retrieval_count=builder.count(step.retrieval_count, "steps.retrieval_count"),
            finish_reason=builder.word(step.finish_reason or "", FINISH_REASONS, "steps.finish_reason"),
            stream=step.stream,
            output_type=builder.word(step.output_type or "", OUTPUT_TYPES, "steps.output_type"),
            attempt=builder.count(step.attempt, "steps.attempt"),
            conversation_id="",
            source=SOURCE,
            decision_id=DocumentPlace.own_id(origin.run_id, step.decision_id) if step.decision_id else None,
        )

    def _step_times(self, step: StepDocument, at: str) -> tuple[int, int, float]:
        """Start, end (ns) and latency (ms), each stated or from the others."""
        started = self._time(f"{at}.started_at", step.started_at, StepRow.TABLE)
        ended = started + round((step.latency_ms or 0) * _MILLISECOND)
        if step.ended_at is not None:
            ended = self._time(f"{at}.ended_at", step.ended_at, StepRow.TABLE)
        if ended < started:
            self._problems.append(Refusal(f"{at}.ended_at", FORM, "must be a time not before started_at"))
        latency = (ended - started) / _MILLISECOND if step.latency_ms is None else step.latency_ms
        return started, ended, latency

    def _metadata(self, step: StepDocument, at: str) -> dict[str, Scalar]:
        try:
            return check_metadata(self._context.policy, step.metadata or {})
        except Violation as violation:
            place = f"{at}.metadata.{violation.key.removeprefix(wire.METADATA_PREFIX)}"
            self._problems.append(Refusal(place, violation.rule, f"must be {violation.allowed}"))
            return {}

    def _time(self, field: str, time: int, table: str) -> int:
        if not self._builder.in_range(time, table):
            self._problems.append(Refusal(field, "time.range", f"must be {RULES['time.range'].allowed}"))
        return time


def _if_it_ran(code: str | None) -> str:
    return code if code and names.shows_execution(code) else ""
