"""The error response: which field, what it must be, never the value that was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, Field

from agenttrace_collector.errors import Invalid, Unlisted


class FieldProblem(BaseModel):
    """One field that is refused."""

    field: str = Field(description="Where: the name of a parameter, or a place in the document.")
    message: str = Field(description="What is allowed there.")
    rule: str | None = Field(default=None, description="The rule that refuses it, where one does.")
    allowed: list[str] | None = Field(
        default=None, description="Every value that is allowed, where they are listed."
    )


class Problem(BaseModel):
    """A request that is refused, and why."""

    error: str = Field(description="The kind of refusal, for programs.")
    message: str = Field(description="The same for people.")
    problems: list[FieldProblem] = Field(default_factory=list, description="The fields that are refused.")


class UnknownValue(Unlisted):
    """A filter has a value that its closed list does not contain."""

    def __init__(self, field: str, allowed: Sequence[str]) -> None:
        self.problem = FieldProblem(
            field=field,
            message=f"must be one of {', '.join(allowed)}",
            rule=None,
            allowed=list(allowed),
        )
        super().__init__(f"{field}: {self.problem.message}")


class InvalidField(Invalid):
    """Fields of a request or of a document that are refused, each by a rule or by its form."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = list(problems)
        super().__init__("fields of the request are refused")


ADVICE: Final = "the question takes more than one may: narrow it by agent, version or time"
