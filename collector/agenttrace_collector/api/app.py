"""The API as one application."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from agenttrace_collector.api import docs, openapi
from agenttrace_collector.api.deps import ApiDeps
from agenttrace_collector.api.refusals import refuse_with_reason
from agenttrace_collector.api.routes import (
    about,
    aggregates,
    approvals,
    comparisons,
    correlations,
    counts,
    evaluations,
    event_documents,
    purge,
    run_documents,
    runs,
)
from agenttrace_collector.query.backends import open_questions

__all__ = ["ApiDeps", "build_app", "open_questions"]


def build_app(answers: ApiDeps) -> FastAPI:
    """Returns the FastAPI application of the API."""
    app = FastAPI(
        title="AgentTrace",
        version=version("agenttrace-otel"),
        summary="What agents decided, which quality signals were observed, and which of them are associated with failure.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.answers = answers
    for part in (
        *(run_documents, event_documents, runs, counts, aggregates, approvals, evaluations),
        *(comparisons, correlations, purge, about, docs),
    ):
        app.include_router(part.router)
    openapi.describe(app, answers)
    refuse_with_reason(app)
    return app
