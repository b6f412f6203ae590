"""Files that pages load, from the packages that ship them: read once, packed for clients that take gzip."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from agenttrace_collector.errors import NotFound

CSS: Final = "text/css; charset=utf-8"
JAVASCRIPT: Final = "text/javascript; charset=utf-8"
_A_DAY: Final = "public, max-age=86400"


class StaticFile(NamedTuple):
    """A file below a package, and its media type."""

    package: str
    path: str
    media_type: str


def static_response(request: Request, served: Mapping[str, StaticFile], name: str) -> Response:
    """The file of this name; raises `NotFound`."""
    if name not in served:
        message = "there is no such file"
        raise NotFound(message)
    file = served[name]
    plain, packed = _content(file)
    headers = {"cache-control": _A_DAY, "vary": "accept-encoding", "x-content-type-options": "nosniff"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, headers={**headers, "content-encoding": "gzip"}, media_type=file.media_type)
    return Response(plain, headers=headers, media_type=file.media_type)


@cache
def _content(file: StaticFile) -> tuple[bytes, bytes]:
    data = files(file.package).joinpath(file.path).read_bytes()
    return data, gzip.compress(data, mtime=0)
