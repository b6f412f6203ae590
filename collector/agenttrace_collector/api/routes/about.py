"""Routes about the collector: its health and its vocabulary."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse, Response

from agenttrace_collector.api.deps import Built, RequireReader
from agenttrace_collector.api.pagination import REFUSALS, ResponseRecord
from agenttrace_schemas.rules import RULES
from agenttrace_schemas.vocabulary import FailureType, RunStatus, StepType

router: Final = APIRouter(tags=["collector"])


class RuleShown(ResponseRecord):
    """One rule that records are held to."""

    rule: str
    verdict: str = Field(description="What happens to a record that breaks it.")
    allowed: str


class VocabularyShown(ResponseRecord):
    """Every type and code that this collector accepts."""

    decision_types: dict[str, list[str]] = Field(description="Decision types, each with its reason codes.")
    signal_types: dict[str, list[str]] = Field(description="Signal types, each with its codes.")
    step_types: list[str]
    run_statuses: list[str]
    failure_types: list[str]
    rules: list[RuleShown]


class ReadyState(ResponseRecord):
    """Whether requests are accepted, and the obstacles if not."""

    status: Literal["accepting", "refusing"]
    obstacles: dict[str, str] = Field(description="What stands in the way, by part.")
    journal: dict[str, int | float | str] | None = Field(
        default=None, description="What waits for the database."
    )
    decisions: bool = Field(description="True if this collector stores decisions and quality signals.")


@router.get("/v1/vocabulary", summary="The vocabulary of this site", responses=REFUSALS)
async def vocabulary(queries: RequireReader) -> VocabularyShown:
    """Returns types, codes and rules, including the site's own codes."""
    known = queries.answers.policy.vocabulary
    return VocabularyShown(
        decision_types={name: list(codes) for name, codes in known.decisions.items()},
        signal_types={name: list(codes) for name, codes in known.signals.items()},
        step_types=list(map(str, StepType)),
        run_statuses=list(map(str, RunStatus)),
        failure_types=list(map(str, FailureType)),
        rules=[
            RuleShown(rule=rule.id, verdict=rule.verdict, allowed=rule.allowed) for rule in RULES.values()
        ],
    )


@router.get(
    "/health",
    summary="Whether requests are accepted",
    response_model=ReadyState,
    responses={503: {"model": ReadyState, "description": "Requests are refused just now."}},
)
async def health(built: Built) -> Response:
    """Returns 200 if requests are accepted, else 503; the state is in the body."""
    state = ReadyState(**dict(built.health.state()), decisions=built.policy.decisions)  # type: ignore[arg-type]  # checked by the model
    return JSONResponse(state.model_dump(), 200 if state.status == "accepting" else 503)
