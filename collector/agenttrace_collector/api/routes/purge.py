"""POST /v1/purge: counts and erases the rows of a run, an agent or a conversation, or those before a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from agenttrace_collector.api.bodies import OperatorRoute
from agenttrace_collector.api.deps import Built, Operating
from agenttrace_collector.api.pagination import REFUSALS, ResponseRecord
from agenttrace_collector.api.params import RequiredName, Time
from agenttrace_collector.api.problems import FieldProblem, InvalidField, ProblemDetails
from agenttrace_collector.clickhouse.purge_subject import Subject, SubjectKind
from agenttrace_collector.errors import Unavailable
from agenttrace_schemas.names import conversation_hash
from agenttrace_schemas.rules import Policy

router: Final = APIRouter(tags=["erasure"], responses=REFUSALS, route_class=OperatorRoute)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE: Final = f"exactly one of {', '.join(SubjectKind)}"


class Purge(BaseModel):
    """The rows to erase, of the tenant of the token."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={"oneOf": [{"required": [str(kind)]} for kind in SubjectKind]},
    )

    run: UUID | None = None
    agent: RequiredName | None = None
    conversation: RequiredName | None = Field(
        default=None, description="The conversation's id as the agent sent it; what is stored is its HMAC."
    )
    before: Time | None = Field(default=None, description="Every row whose own time is before this one.")
    erase: StrictBool = Field(default=False, description="Erase; without it rows are counted only.")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if len(self.model_dump(exclude={"erase"}, exclude_none=True)) != 1:
            raise ValueError(_ONE)
        return self

    def subject(self, policy: Policy, tenant: str) -> Subject:
        """Returns the subject to purge; raises `InvalidField` for a conversation if conversations are not stored."""
        if self.run:
            return Subject(SubjectKind.RUN, self.run, tenant)
        if self.agent:
            return Subject(SubjectKind.AGENT, self.agent, tenant)
        if self.before:
            age = self.before - _EPOCH
            return Subject(SubjectKind.BEFORE, (age.days * 86_400 + age.seconds) * 10**9, tenant)
        stored = conversation_hash(policy.site_key, self.conversation or "")
        if not stored:
            message = "conversations are stored under processors.enforce.site_key only: there are none"
            raise InvalidField([FieldProblem(field=SubjectKind.CONVERSATION, message=message)])
        return Subject(SubjectKind.CONVERSATION, stored, tenant)


class Purged(ResponseRecord):
    """The number of rows by table."""

    erased: bool = Field(description="Whether the rows are gone now; else they were counted.")
    rows: dict[str, int] = Field(description="Rows by table, every version of a row counted.")
    total: int


@router.post(
    "/v1/purge",
    summary="Count and erase",
    responses={413: {"model": ProblemDetails, "description": "A body of more than 64 KiB."}},
)
async def purge(wanted: Purge, built: Built, identity: Operating) -> Purged:
    """Erases rows; on return no query returns them, and their files are removed some minutes later."""
    if built.erasure is None:
        message = "this collector stores no rows (exporters.clickhouse.endpoint)"
        raise Unavailable(message, 60.0)
    rows = await built.erasure(wanted.subject(built.policy, identity.tenant), erase=wanted.erase)
    return Purged(erased=wanted.erase, rows=dict(rows), total=sum(rows.values()))
