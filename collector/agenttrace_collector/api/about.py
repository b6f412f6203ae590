"""The collector about itself: whether it accepts requests, and its vocabulary."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse, Response

from agenttrace_collector.api.asking import Built
from agenttrace_collector.api.listed import Record

router: Final = APIRouter(tags=["collector"])


class State(Record):
    """Whether requests are accepted, and what stands in the way."""

    status: Literal["accepting", "refusing"]
    obstacles: dict[str, str] = Field(description="What stands in the way, by part.")
    journal: dict[str, int | float | str] | None = Field(
        default=None, description="What waits for the database."
    )
    decisions: bool = Field(description="Whether decisions and quality signals are kept here.")


@router.get(
    "/health",
    summary="Whether requests are accepted",
    response_model=State,
    responses={503: {"model": State, "description": "Requests are refused just now."}},
)
async def health(built: Built) -> Response:
    """200 where they are, 503 where they are not, the state in the body."""
    state = State(**dict(built.health.state()), decisions=built.policy.decisions)  # type: ignore[arg-type]  # checked by the model
    return JSONResponse(state.model_dump(), 200 if state.status == "accepting" else 503)
