"""The OpenAPI document of the API, with the vocabulary and the tokens of this site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from agenttrace_collector.api.deps import ApiDeps
from agenttrace_collector.decode.event_documents import EVALUATIONS, OUTCOMES, DocumentKind
from agenttrace_collector.decode.run_document.fields import (
    DecisionDocument,
    DocumentPart,
    RunDocument,
    SignalDocument,
)
from agenttrace_collector.query.filters import closed_lists

_REF: Final = "#/components/schemas/{model}"
# Said without a token too: whether it runs, and what it can be asked.
_OPEN: Final = ("/health",)


def describe(app: FastAPI, answers: ApiDeps) -> None:
    """Makes `app.openapi()` include this site's vocabulary and its authentication."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app, answers)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _document(app: FastAPI, answers: ApiDeps) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes, tags=app.openapi_tags
    )
    closed = closed_lists(answers.policy)
    for path, _, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in closed:
                parameter["schema"] = {"type": "string", "enum": list(closed[parameter["name"]])}
        if answers.authenticator.required and path not in _OPEN:
            operation["security"] = [{"token": []}]
    components = document["components"]
    if answers.authenticator.required:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    components["schemas"].update(_run_schemas())
    bodies: dict[str, type[DocumentPart]] = {"/v1/runs": RunDocument}
    for kind in (EVALUATIONS, OUTCOMES):
        components["schemas"].update(_list_schemas(kind))
        bodies[f"/v1/{kind.field}"] = kind.document
    for path, model in bodies.items():
        document["paths"][path]["post"]["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}},
        }
    return document


def _list_schemas(kind: DocumentKind) -> dict[str, Any]:
    """Returns the schemas of a document that lists events; one of another form is refused, the others are kept."""
    part, whole = kind.part.model_json_schema(ref_template=_REF), kind.document.model_json_schema()
    whole["properties"][kind.field]["items"] = {
        "anyOf": [{"$ref": _REF.format(model=kind.part.__name__)}, {}]
    }
    return {kind.part.__name__: part, kind.document.__name__: whole}


def _run_schemas() -> dict[str, Any]:
    """Returns the schemas of run documents; a decision or signal of another form is refused, its run is kept."""
    schemas: dict[str, Any] = {}
    for model in (RunDocument, DecisionDocument, SignalDocument):
        schema = model.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    for field, model in (("decisions", DecisionDocument), ("quality_signals", SignalDocument)):
        items = {"anyOf": [{"$ref": _REF.format(model=model.__name__)}, {}]}
        described = schemas["RunDocument"]["properties"][field]
        described["anyOf"] = [{"type": "array", "items": items}, {}]
    return schemas


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation
