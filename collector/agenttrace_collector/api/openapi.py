"""The API's own description: OpenAPI with the vocabulary of this site, and a page of it that loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from agenttrace_collector.api.deps import ApiDeps
from agenttrace_collector.api.params import FAILURE_TYPES, OUTCOMES, SOURCES, STATUSES
from agenttrace_collector.decode.run_document.fields import DecisionDocument, RunDocument, SignalDocument

router: Final = APIRouter(include_in_schema=False)
_REF: Final = "#/components/schemas/{model}"
# Said without a token too: whether it runs, and what it can be asked.
_OPEN: Final = ("/health",)
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def describe(app: FastAPI, answers: ApiDeps) -> None:
    """Make the application describe itself with the vocabulary and the tokens of this site."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app, answers)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _document(app: FastAPI, answers: ApiDeps) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes, tags=app.openapi_tags
    )
    closed = _closed_lists(answers)
    for path, _, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in closed:
                parameter["schema"] = {"type": "string", "enum": closed[parameter["name"]]}
        if answers.authenticator.required and path not in _OPEN:
            operation["security"] = [{"token": []}]
    components = document["components"]
    if answers.authenticator.required:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    components["schemas"].update(_run_schemas())
    document["paths"]["/v1/runs"]["post"]["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": _REF.format(model="RunDocument")}}},
    }
    return document


def _closed_lists(answers: ApiDeps) -> Mapping[str, list[str]]:
    vocabulary = answers.policy.vocabulary
    return {
        "decision_type": list(vocabulary.decisions),
        "signal_type": list(vocabulary.signals),
        "failure_type": list(FAILURE_TYPES),
        "status": list(STATUSES),
        "outcome": list(OUTCOMES),
        "source": list(SOURCES),
    }


def _run_schemas() -> dict[str, Any]:
    """The schemas of run documents; a decision or signal of another form is refused, and its run is not."""
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


@router.get("/docs")
async def page(request: Request) -> HTMLResponse:
    """The description for people."""
    document = request.app.openapi()
    sections = "".join(_section(*each) for each in _operations(document))
    schemas = "".join(_schema(*each) for each in sorted(document["components"]["schemas"].items()))
    return HTMLResponse(
        _PAGE.format(version=escape(document["info"]["version"]), sections=sections, schemas=schemas),
        headers={"content-security-policy": _POLICY},
    )


def _section(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parameters = "".join(map(_parameter, operation.get("parameters", ())))
    answers = "".join(_answer(*each) for each in sorted(operation["responses"].items()))
    body = operation.get("requestBody")
    asked = f"<p>Body: {_type(body['content']['application/json']['schema'])}</p>" if body else ""
    return (
        f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('summary', ''))}. {escape(operation.get('description', ''))}</p>{asked}"
        f"<table>{parameters}</table><table>{answers}</table></section>"
    )


def _parameter(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    required = " (required)" if parameter.get("required") else ""
    return _row(parameter["name"] + required, _type(schema), parameter.get("description", ""))


def _answer(status: str, answer: Mapping[str, Any]) -> str:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return _row(status, _type(schema), answer.get("description", ""))


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    rows = "".join(
        _row(field, _type(kind), kind.get("description", ""))
        for field, kind in schema.get("properties", {}).items()
    )
    about = escape(schema.get("description", ""))
    return (
        f'<section id="{escape(name)}"><h3>{escape(name)}</h3><p>{about}</p><table>{rows}</table></section>'
    )


def _row(name: str, kind: str, about: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{escape(about)}</td></tr>"


def _type(schema: Mapping[str, Any]) -> str:
    """A type in words, with a link where it has a section."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return escape(", ".join(map(str, schema["enum"])))
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    kind = schema.get("format") or schema.get("type") or "anything"
    return escape("none" if kind == "null" else str(kind))


_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>AgentTrace API</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }}
code {{ font-family: ui-monospace, monospace; }}
table {{ border-collapse: collapse; margin: .5rem 0; width: 100%; }}
td {{ border-bottom: 1px solid #8884; padding: .2rem .8rem .2rem 0; vertical-align: top; }}
h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
:root {{ color-scheme: light dark; }}
</style>
<h1>AgentTrace API {version}</h1>
<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>
{sections}
<h2>Shapes</h2>
{schemas}
</html>
"""
