"""The page /docs: Swagger UI, served from this collector; it loads nothing from another host."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from starlette.requests import Request

from agenttrace_collector.server.static_files import CSS, JAVASCRIPT, StaticFile, static_response

router: Final = APIRouter(include_in_schema=False)
# The files are fastapi-offline's; nothing else of that package is used.
_STATIC: Final = {
    "swagger-ui-bundle.js": StaticFile("fastapi_offline", "static/swagger-ui-bundle.js", JAVASCRIPT),
    "swagger-ui.css": StaticFile("fastapi_offline", "static/swagger-ui.css", CSS),
    "favicon.png": StaticFile("fastapi_offline", "static/favicon.png", "image/png"),
}
_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_POLICY: Final = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/docs")
async def page(request: Request) -> HTMLResponse:
    """Swagger UI; its paths are relative, so that it works behind a proxy's prefix too."""
    html = bytes(
        get_swagger_ui_html(
            openapi_url="openapi.json",
            title=f"{request.app.title} API",
            swagger_js_url="docs/swagger-ui-bundle.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="docs/favicon.png",
        ).body
    ).decode()
    scripts = " ".join(map(_hash, _INLINE.findall(html)))
    return HTMLResponse(html, headers={"content-security-policy": _POLICY.format(scripts=scripts)})


@router.get("/docs/{name}")
async def static_file(request: Request, name: str) -> Response:
    """A script, style or picture of the page; raises `NotFound`."""
    return static_response(request, _STATIC, name)


def _hash(script: str) -> str:
    """An inline script as a Content-Security-Policy names it."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
