"""Evaluations and outcomes sent as documents to enforced rows: bytes and a context in, a batch out; no clock, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, WithJsonSchema

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.builder import BatchBuilder, digest_of
from agenttrace_collector.decode.events import KINDS, TABLES, Event, EventIds, Origin, event_row
from agenttrace_collector.decode.json_body import parse_json
from agenttrace_collector.decode.run_document.events import DocumentPlace
from agenttrace_collector.decode.run_document.fields import (
    Attached,
    DocumentPart,
    Id,
    Name,
    Refusal,
    Text,
    Time,
    refusals,
)
from agenttrace_collector.errors import Rejected
from agenttrace_schemas import wire
from agenttrace_schemas.evaluation import EXPLANATION
from agenttrace_schemas.rows import EvaluationRow, OutcomeRow
from agenttrace_schemas.rules import RULES, Violation

MOST: Final = 10_000
_SOURCE: Final = "api"
Score = Annotated[Any, WithJsonSchema({"type": "number"})]
_List = Annotated[list[Any], Field(min_length=1, max_length=MOST)]


class EvaluationDocument(DocumentPart):
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


class EvaluationsDocument(DocumentPart):
    """Evaluations, of any runs."""

    evaluations: _List


class OutcomeDocument(DocumentPart):
    """How a run ended, as somebody came to know after its end; of several the one that was recorded last counts."""

    run_id: Id = Field(description="The run's UUID, or the name that its document gave it.")
    outcome_id: Id | None = Field(default=None, description="What was sent under an id is stored once.")
    status: Text = Field(description="success, failure, partial or unknown.")
    failure_type: Text = Field(
        default=None, description="Of a failure: tool, model, retrieval or orchestration."
    )
    failure_code: Text = Field(default=None, description="An identifier, such as timeout, beside the type.")
    recorded_at: Time | None = None


class OutcomesDocument(DocumentPart):
    """Outcomes, of any runs."""

    outcomes: _List


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """What a document lists: `field` is its list, `keys` are the attributes that the fields of a part stand for."""

    field: str
    document: type[DocumentPart]
    part: type[DocumentPart]
    event: str
    id_field: str
    id_key: str
    keys: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The kind of its records, as refusals name it."""
        return KINDS[self.event]


EVALUATIONS: Final = DocumentKind(
    field="evaluations",
    document=EvaluationsDocument,
    part=EvaluationDocument,
    event=wire.EVENT_EVALUATION,
    id_field="evaluation_id",
    id_key=wire.EVALUATION_ID,
    keys={
        "name": wire.EVALUATION_NAME,
        "score": wire.EVALUATION_SCORE,
        "label": wire.EVALUATION_LABEL,
        "error_type": wire.ERROR_TYPE,
    },
)
OUTCOMES: Final = DocumentKind(
    field="outcomes",
    document=OutcomesDocument,
    part=OutcomeDocument,
    event=wire.EVENT_OUTCOME,
    id_field="outcome_id",
    id_key=wire.OUTCOME_ID,
    keys={
        "status": wire.OUTCOME_STATUS,
        "failure_type": wire.OUTCOME_FAILURE_TYPE,
        "failure_code": wire.OUTCOME_FAILURE_CODE,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch(Batch):
    """The rows of a document; `problems` are what is refused in it, `stored` counts what is not."""

    problems: tuple[Refusal, ...] = ()
    stored: int = 0


def decode_events(kind: DocumentKind, body: bytes, context: Context) -> EventBatch:
    """The batch of one document; raises `Rejected` where the bytes are not a JSON object with its list."""
    given = parse_json(body)
    try:
        document = kind.document.model_validate(given)
    except ValidationError:
        message = f"the body must be a JSON object with `{kind.field}`, a list of 1 to {MOST}"
        raise Rejected(message) from None
    builder = BatchBuilder(context, digest_of(kind.field, body, context))
    problems: list[Refusal] = []
    for number, each in enumerate(getattr(document, kind.field)):
        before = builder.counts()
        builder.received += 1
        sender, found = _keep(kind, each, builder, f"{kind.field}[{number}]")
        builder.refused += any(problem.rule != EXPLANATION for problem in found)
        builder.sent_by(sender, before)
        problems += found
    batch = builder.batch()
    made = {each.name: getattr(batch, each.name) for each in fields(Batch)}
    return EventBatch(**made, problems=tuple(problems), stored=builder.received - builder.refused)


def _keep(kind: DocumentKind, given: Any, builder: BatchBuilder, at: str) -> tuple[str, list[Refusal]]:
    """Keep the row of one part; the agent that it names, and what is refused in it."""
    try:
        part = kind.part.model_validate(given)
    except ValidationError as error:
        problems = refusals(error, at)
        nobody = _origin(None, builder)
        builder.refuse(kind.kind, Violation(problems[0].rule, kind.field), nobody)
        return nobody.agent_id, problems
    origin = _origin(part, builder)
    try:
        builder.add_event(_row(kind, part, origin, builder))
    except Violation as violation:
        builder.refuse(kind.kind, violation, origin)
        return origin.agent_id, [_refused(kind, violation, at)]
    if kind is EVALUATIONS and isinstance(given, dict) and "explanation" in given:
        builder.changed(EXPLANATION, "evaluations.explanation")
        explained = Refusal(f"{at}.explanation", EXPLANATION, f"must be {RULES[EXPLANATION].allowed}")
        return origin.agent_id, [explained]
    return origin.agent_id, []


def _row(kind: DocumentKind, part: Any, origin: Origin, builder: BatchBuilder) -> EvaluationRow | OutcomeRow:
    time = builder.context.received_at if part.recorded_at is None else part.recorded_at
    if not builder.in_range(time, TABLES[kind.kind]):
        raise Violation("time.range", "recorded_at")
    values: dict[str, object] = {key: getattr(part, field) for field, key in kind.keys.items()}
    metadata = getattr(part, "metadata", None) or {}
    values |= {wire.METADATA_PREFIX + key: value for key, value in metadata.items()}
    if stated := getattr(part, kind.id_field):
        values[kind.id_key] = DocumentPlace.own_id(origin.run_id, stated).hex()
    row = event_row(Event(kind.event, values, time), origin, builder.context.policy, EventIds(origin))
    if isinstance(row, EvaluationRow):
        return replace(row, step_id=origin.step_id or None, source=_SOURCE)
    assert isinstance(row, OutcomeRow)  # noqa: S101 - of this event
    return replace(row, source=_SOURCE)


def _origin(part: DocumentPart | None, builder: BatchBuilder) -> Origin:
    run_id = identity.parse_or_hash_id(getattr(part, "run_id", "")) if part else b""
    stated_step = getattr(part, "step_id", None)
    step_id = DocumentPlace.own_id(run_id, stated_step) if stated_step else b""

    def name(field: str, otherwise: str) -> str:
        stated = getattr(part, field, None)
        return builder.identifier(stated, field) if stated else otherwise

    return Origin(
        tenant=builder.context.tenant,
        run_id=run_id,
        step_id=step_id,
        # A document has no trace: its run stands for one, and its step tells events of other steps apart.
        trace_id=run_id,
        span_id=step_id[:8] or bytes(8),
        span_number=0,
        agent_id=name("agent_id", wire.UNKNOWN),
        agent_version=name("agent_version", wire.UNKNOWN),
        environment=name("environment", wire.DEFAULT_ENVIRONMENT),
        actor="",
        created_at=builder.context.received_at,
    )


def _refused(kind: DocumentKind, violation: Violation, at: str) -> Refusal:
    """The violation at its place; a key is repeated as far as the rules repeat it."""
    key = violation.key
    if key.startswith(wire.METADATA_PREFIX):
        field = f"metadata.{key.removeprefix(wire.METADATA_PREFIX)}"
    else:
        field = next((field for field, own in kind.keys.items() if own == key), key)
    return Refusal(f"{at}.{field}", violation.rule, f"must be {violation.allowed}")
