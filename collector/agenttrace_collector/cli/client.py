"""Calls the API of a collector, and ends the command with a message if that fails."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from agenttrace_collector.cli.options import AWAY, MISUSED, REFUSED, fail
from agenttrace_collector.errors import FAULT, STATUS

ADDRESS: Final = "AGENTTRACE_API"
TOKEN: Final = "AGENTTRACE_TOKEN"  # noqa: S105 - the variable's name
DEFAULT: Final = "http://127.0.0.1:8400"
_SECONDS: Final = 60.0
# By the name that the API gives a refusal, so that scripts can tell a service that is not there from a refusal.
_CODES: Final = {status.name: status.exit for status in (*STATUS.values(), FAULT)}


def address(given: str | None = None) -> str:
    """Returns the address of the API: the given one, else AGENTTRACE_API, else the default."""
    chosen = (given or os.environ.get(ADDRESS) or DEFAULT).rstrip("/")
    if not chosen.startswith(("http://", "https://")):
        fail(f"{ADDRESS}: must be http(s)://host:port, such as {DEFAULT}", code=MISUSED)
    return chosen


def get(base: str, path: str, parameters: Mapping[str, Any]) -> Any:
    """Returns the response body; on a failure the command ends with the API's message."""
    given = {name: value for name, value in parameters.items() if value not in {None, ""}}
    query = f"?{urllib.parse.urlencode(given)}" if given else ""
    return _answer(urllib.request.Request(f"{base}{path}{query}"), _SECONDS)  # noqa: S310 - see `address`


def post(base: str, path: str, body: Mapping[str, Any], seconds: float = _SECONDS) -> Any:
    """The same for a document that is sent."""
    headers = {"content-type": "application/json"}
    return _answer(
        urllib.request.Request(f"{base}{path}", json.dumps(body).encode(), headers),  # noqa: S310 - as above
        seconds,
    )


def answers(base: str) -> bool:
    """True if a server responds."""
    try:
        _open(urllib.request.Request(f"{base}/health"), 5.0)  # noqa: S310 - as above
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _answer(request: urllib.request.Request, seconds: float) -> Any:
    if token := os.environ.get(TOKEN):
        request.add_header("authorization", f"Bearer {token}")
    try:
        return json.loads(_open(request, seconds))
    except urllib.error.HTTPError as answer:
        text, code = _refusal(answer)
        fail(text, code=code)
    except TimeoutError:
        fail(
            "the collector does not answer in time: narrow the question by agent, version or time",
            code=AWAY,
        )
    except (OSError, ValueError):
        host = urllib.parse.urlsplit(request.full_url).netloc
        fail(
            f"no collector answers at {host}; start one with: agenttrace collector run,"
            f" or say where one is: {ADDRESS}={DEFAULT}",
            code=AWAY,
        )


def _open(request: urllib.request.Request, seconds: float) -> bytes:
    # An operator's own collector with its own certificate: SSL_CERT_FILE names an authority of one's own.
    context = ssl.create_default_context() if request.type == "https" else None
    with urllib.request.urlopen(request, timeout=seconds, context=context) as answer:  # noqa: S310 - as above
        return bytes(answer.read())


def _refusal(answer: urllib.error.HTTPError) -> tuple[str, int]:
    """What the API says of a refusal: what, where, what is allowed; and the code to end with."""
    try:
        problem = json.loads(answer.read())
        fields = [f"{each['field']}: {each['message']}" for each in problem.get("problems") or ()]
        text = "; ".join(dict.fromkeys([problem["message"], *fields]))
        code = _CODES.get(problem["error"], REFUSED)
    except (ValueError, KeyError, TypeError):
        return f"the answer is no API of a collector (status {answer.code})", REFUSED
    hint = f" (set {TOKEN})" if answer.code == 401 else ""
    return f"{text}{hint}", code
