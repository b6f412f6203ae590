"""The error response: which field, what it must be, never the value that was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, Field

from agenttrace_collector.errors import Invalid, Unlisted


class FieldProblem(BaseModel):
    """One invalid field."""

    field: str = Field(description="The name of a parameter, or a place in the document.")
    message: str = Field(description="What the value must be.")
    rule: str | None = Field(default=None, description="The id of the rule that refuses it, if any.")
    allowed: list[str] | None = Field(
        default=None, description="The allowed values, if there is a closed list."
    )


class ProblemDetails(BaseModel):
    """A refused request and the reasons."""

    error: str = Field(description="The kind of error, for programs.")
    message: str = Field(description="The error as a sentence.")
    problems: list[FieldProblem] = Field(default_factory=list, description="The invalid fields.")


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
    """Invalid fields of a request or a document."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = list(problems)
        super().__init__("fields of the request are invalid")


ADVICE: Final = "the query exceeds its limits: narrow it by agent, version or time"
