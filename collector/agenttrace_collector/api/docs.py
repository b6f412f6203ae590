"""The page /docs: Swagger UI, served from this collector; it loads nothing from another host."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from starlette.requests import Request

from agenttrace_collector.errors import NotFound

router: Final = APIRouter(include_in_schema=False)
# The files are fastapi-offline's; nothing else of that package is used.
_STATIC: Final = files("fastapi_offline") / "static"
_TYPES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_NO_SUCH_FILE: Final = "there is no such file; /docs lists the paths of the API"
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
async def static_file(name: str) -> Response:
    """A script, style or picture of the page; raises `NotFound`."""
    if name not in _TYPES:
        raise NotFound(_NO_SUCH_FILE)
    return Response((_STATIC / name).read_bytes(), media_type=_TYPES[name])


def _hash(script: str) -> str:
    """An inline script as a Content-Security-Policy names it."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
