"""The fields of a run document, and the messages about fields of another form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from agenttrace_schemas.counts import MOST_COUNTED
from agenttrace_schemas.rules import RULES

FORM: Final = "document.field"
MOST_STEPS: Final = 10_000
_NAMED: Final = 100
_LONGEST_NAME: Final = 1_000
_TIME: Final = "a time as ISO 8601, such as 2026-01-31T12:00:00Z"


class Refusal(NamedTuple):
    """A place in a document, the rule that refuses it, and what it must be; never the value."""

    field: str
    rule: str
    message: str


def nanoseconds(value: Any) -> int:
    """Converts an ISO 8601 text, UTC if it has no offset, to nanoseconds since 1970; raises `ValueError`."""
    if not isinstance(value, str):
        message = "not a text"
        raise ValueError(message)  # noqa: TRY004 - pydantic takes ValueError
    read = datetime.fromisoformat(value.upper())
    since = (read.replace(tzinfo=UTC) if read.tzinfo is None else read) - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


class NotACount(ValueError):
    """A value whose type cannot state a count."""


def countable(value: Any) -> Any:
    """A number or a text, held to its rule further on; raises `NotACount` for every other value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise NotACount
    return value


Time = Annotated[int, BeforeValidator(nanoseconds), WithJsonSchema({"type": "string", "format": "date-time"})]
Id = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME)]
Name = Annotated[str, Field(max_length=_LONGEST_NAME)]
Count = Annotated[
    Any,
    BeforeValidator(countable),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MOST_COUNTED}),
]
Attached = Annotated[
    dict[str, Any], Field(description="Names to strings, numbers and booleans (rules metadata.*).")
]
# Held to the rules of their events, not to a form: here is what they say they are.
Text = Annotated[Any, WithJsonSchema({"type": "string"})]
Texts = Annotated[Any, WithJsonSchema({"type": "array", "items": {"type": "string"}})]
Flag = Annotated[Any, WithJsonSchema({"type": "boolean"})]
Fraction = Annotated[Any, WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})]


class DocumentPart(BaseModel):
    """Base of all parts; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)


class StepDocument(DocumentPart):
    """A step: `step_type` and `started_at`, the rest as far as it is known."""

    step_id: Id | None = None
    seq: Count | None = None
    step_type: Literal["plan", "retrieve", "tool", "respond", "other"]
    name: Name | None = None
    latency_ms: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)] | None = None
    started_at: Time
    ended_at: Time | None = None
    metadata: Attached | None = None
    status: Literal["unset", "ok", "error"] | None = None
    error_type: Name | None = None
    tool_name: Name | None = None
    model: Name | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    retrieval_count: Count | None = None
    attempt: Count | None = None
    stream: bool | None = None
    finish_reason: Name | None = None
    output_type: Name | None = None
    decision_id: Id | None = Field(default=None, description="The decision of this run that it carries out.")


class FailureDocument(DocumentPart):
    """How the run failed, or one of its steps; type and code are held to their rules."""

    failure_id: Id | None = None
    step_id: Id | None = None
    failure_type: Text = Field(description="tool, model, retrieval or orchestration.")
    failure_code: Text = Field(description="An identifier, such as timeout.")
    message: Text = Field(default=None, description="Replaced by a fixed sentence unless the site keeps it.")
    occurred_at: Time | None = None
    metadata: Attached | None = None


class DecisionDocument(DocumentPart):
    """A decision; one that a rule refuses is named in the answer, and the run is stored without it."""

    decision_id: Id | None = None
    step_id: Id | None = None
    decision_type: Text = None
    selected: Text = None
    reason_code: Text = None
    confidence: Fraction = None
    candidates: Texts = None
    tool_name: Text = Field(default=None, description="The tool that an approval is about.")
    wait_ms: Count | None = Field(default=None, description="How long a person made its call wait.")
    metadata: Attached | None = None
    recorded_at: Time | None = None


class SignalDocument(DocumentPart):
    """A quality signal; one that a rule refuses is named in the answer, and the run is stored without it."""

    signal_id: Id | None = None
    step_id: Id | None = None
    signal_type: Text = None
    signal_code: Text = None
    value: Flag = None
    weight: Fraction = None
    metadata: Attached | None = None
    recorded_at: Time | None = None


class RunDocument(DocumentPart):
    """One run as a document."""

    run_id: Id = Field(description="A UUID, or any other name of the run.")
    agent_id: Id
    agent_version: Id | None = None
    environment: Id | None = None
    status: Literal["success", "failure", "partial"]
    started_at: Time
    ended_at: Time | None = None
    parent_run_id: Id | None = None
    conversation_id: Name | None = None
    steps: Annotated[list[StepDocument], Field(max_length=MOST_STEPS)] | None = None
    failure: FailureDocument | None = None
    decisions: Any = Field(default=None, description="A list of decisions.")
    quality_signals: Any = Field(default=None, description="A list of quality signals.")


def refusals(error: ValidationError, at: str = "") -> list[Refusal]:
    """Returns a refusal for each invalid field, at most a hundred; `at` is the place of the document's root."""
    details = error.errors(include_url=False, include_context=True, include_input=False)
    return [_refused(detail, at) for detail in details[:_NAMED]]


def _refused(detail: Mapping[str, Any], at: str) -> Refusal:
    kind, context = detail["type"], detail.get("ctx", {})
    rule = "closed.set" if kind == "literal_error" else FORM
    return Refusal(_path(detail["loc"], at), rule, _allowed(kind, context))


def _path(place: tuple[int | str, ...], at: str) -> str:
    """The place in the document; of a mapping that others fill no name is repeated."""
    path = at
    for number, part in enumerate(place):
        if isinstance(part, int):
            path += f"[{part}]"
        elif number and place[number - 1] == "metadata":
            return f"{path}.*"
        else:
            path += f".{part}" if path else part
    return path


def _allowed(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "missing":
        return "required"
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if isinstance(context.get("error"), NotACount):
        return f"must be {RULES['count.range'].allowed}"
    return f"must be {_FORMS.get(kind, 'another value')}"


_FORMS: Final = {
    "value_error": _TIME,
    "string_type": "a string",
    "string_too_short": "a string that is not empty",
    "string_too_long": f"a string of at most {_LONGEST_NAME} characters",
    "string_unicode": "a string of valid Unicode",
    "float_type": "a number from 0",
    "finite_number": "a number from 0",
    "greater_than_equal": "a number from 0",
    "less_than_equal": "a smaller number",
    "bool_type": "true or false",
    "list_type": "a list",
    "too_long": f"a list of at most {MOST_STEPS}",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


# A model call by what it is for; the rest as in OpenTelemetry's conventions.
_OPERATIONS: Final[Mapping[str, str]] = {
    "plan": "plan",
    "retrieve": "retrieval",
    "tool": "execute_tool",
    "respond": "chat",
    "other": "",
}


def operation_of(step: StepDocument) -> str:
    """A plan that names its model or tokens is a model call."""
    is_call = step.model or step.input_tokens is not None or step.output_tokens is not None
    return "chat" if is_call and step.step_type == "plan" else _OPERATIONS[step.step_type]
