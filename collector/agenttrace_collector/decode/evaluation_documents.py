"""Evaluations sent as a document to enforced rows: bytes and a context in, a batch out; no clock, no I/O, no log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, WithJsonSchema

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.builder import BatchBuilder, digest_of
from agenttrace_collector.decode.events import Event, EventIds, Origin, event_row
from agenttrace_collector.decode.json_body import parse_json
from agenttrace_collector.decode.run_document.events import Place
from agenttrace_collector.decode.run_document.fields import (
    Attached,
    Id,
    Name,
    Part,
    Refusal,
    Text,
    Time,
    refusals,
)
from agenttrace_collector.errors import Rejected
from agenttrace_schemas import wire
from agenttrace_schemas.evaluation import EXPLANATION
from agenttrace_schemas.rows import EvaluationRow
from agenttrace_schemas.rules import RULES, Violation

MOST: Final = 10_000
_KIND: Final = "evaluation"
_SOURCE: Final = "api"
_KEYS: Final = {
    "name": wire.EVALUATION_NAME,
    "score": wire.EVALUATION_SCORE,
    "label": wire.EVALUATION_LABEL,
    "error_type": wire.ERROR_TYPE,
}
_FIELDS: Final = {key: field for field, key in _KEYS.items()}
Score = Annotated[Any, WithJsonSchema({"type": "number"})]


class EvaluationDocument(Part):
    """What an evaluator measured of a run, or of one of its steps; one of score, label and error_type is there."""

    run_id: Id = Field(description="The run's UUID, or the name that its document gave it.")
    step_id: Id | None = None
    evaluation_id: Id | None = Field(default=None, description="What was sent under an id is stored once.")
    name: Text = Field(description="What is evaluated: one token of at most 64 characters.")
    score: Score = Field(default=None, description="Any finite number.")
    label: Text = Field(default=None, description="One token of at most 64 characters.")
    error_type: Name | None = Field(default=None, description="Why there is neither.")
    metadata: Attached | None = None
    recorded_at: Time | None = None
    agent_id: Id | None = Field(default=None, description="That of the run where it is not stated.")
    agent_version: Id | None = None
    environment: Id | None = None


class EvaluationsDocument(Part):
    """Evaluations, of any runs."""

    evaluations: Annotated[list[Any], Field(min_length=1, max_length=MOST)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationBatch(Batch):
    """The rows of a document; `problems` are what is refused in it, `stored` counts what is not."""

    problems: tuple[Refusal, ...] = ()
    stored: int = 0


def decode_evaluations(body: bytes, context: Context) -> EvaluationBatch:
    """The batch of one document; raises `Rejected` where the bytes are not a JSON object with a list."""
    given = parse_json(body)
    try:
        document = EvaluationsDocument.model_validate(given)
    except ValidationError:
        message = f"the body must be a JSON object with `evaluations`, a list of 1 to {MOST}"
        raise Rejected(message) from None
    builder = BatchBuilder(context, digest_of("evaluations", body, context))
    problems: list[Refusal] = []
    for number, each in enumerate(document.evaluations):
        builder.received += 1
        found = list(_keep(each, builder, f"evaluations[{number}]"))
        builder.refused += any(problem.rule != EXPLANATION for problem in found)
        problems += found
    batch = builder.batch()
    made = {each.name: getattr(batch, each.name) for each in fields(Batch)}
    return EvaluationBatch(**made, problems=tuple(problems), stored=builder.received - builder.refused)


def _keep(given: Any, builder: BatchBuilder, at: str) -> Iterator[Refusal]:
    """Keep the row of one evaluation; what is refused in it."""
    before = builder.counts()
    try:
        part = EvaluationDocument.model_validate(given)
    except ValidationError as error:
        problems = refusals(error, at)
        builder.refuse(_KIND, Violation(problems[0].rule, "evaluations"), _origin(None, builder))
        yield from problems
        return
    origin = _origin(part, builder)
    try:
        builder.add_event(_row(part, origin, builder))
    except Violation as violation:
        builder.refuse(_KIND, violation, origin)
        yield _refused(violation, at)
    else:
        if isinstance(given, dict) and "explanation" in given:
            builder.changed(EXPLANATION, "evaluations.explanation")
            yield Refusal(f"{at}.explanation", EXPLANATION, f"must be {RULES[EXPLANATION].allowed}")
    builder.sent_by(origin.agent_id, before)


def _row(part: EvaluationDocument, origin: Origin, builder: BatchBuilder) -> EvaluationRow:
    time = builder.context.received_at if part.recorded_at is None else part.recorded_at
    if not builder.in_range(time, EvaluationRow.TABLE):
        raise Violation("time.range", "recorded_at")
    values: dict[str, object] = {key: getattr(part, field) for field, key in _KEYS.items()}
    values |= {wire.METADATA_PREFIX + key: value for key, value in (part.metadata or {}).items()}
    if part.evaluation_id:
        values[wire.EVALUATION_ID] = Place.own_id(origin.run_id, part.evaluation_id).hex()
    event = Event(wire.EVENT_EVALUATION, values, time)
    row = event_row(event, origin, builder.context.policy, EventIds(origin))
    assert isinstance(row, EvaluationRow)  # noqa: S101 - of this event
    return replace(row, step_id=origin.step_id or None, source=_SOURCE)


def _origin(part: EvaluationDocument | None, builder: BatchBuilder) -> Origin:
    run_id = identity.parse_or_hash_id(part.run_id) if part else b""
    step_id = Place.own_id(run_id, part.step_id) if part and part.step_id else b""

    def name(field: str, otherwise: str) -> str:
        stated = getattr(part, field, None)
        return builder.identifier(stated, field) if stated else otherwise

    return Origin(
        tenant=builder.context.tenant,
        run_id=run_id,
        step_id=step_id,
        # A document has no trace: its run stands for one, and its step tells evaluations of other steps apart.
        trace_id=run_id,
        span_id=step_id[:8] or bytes(8),
        span_number=0,
        agent_id=name("agent_id", wire.UNKNOWN),
        agent_version=name("agent_version", wire.UNKNOWN),
        environment=name("environment", wire.DEFAULT_ENVIRONMENT),
        actor="",
        created_at=builder.context.received_at,
    )


def _refused(violation: Violation, at: str) -> Refusal:
    """The violation at its place; a key is repeated as far as the rules repeat it."""
    key = violation.key
    if key.startswith(wire.METADATA_PREFIX):
        field = f"metadata.{key.removeprefix(wire.METADATA_PREFIX)}"
    else:
        field = _FIELDS.get(key, key)
    return Refusal(f"{at}.{field}", violation.rule, f"must be {violation.allowed}")
