"""Anthropic's messages API: asks for one command of Bash, with words of ours, and answers once it has run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from tests.support.stub_server import serving

_NUMBERS: Final = itertools.count()
_USAGE: Final = {"input_tokens": 1000, "output_tokens": 1}


class _Handler(BaseHTTPRequestHandler):
    said: str

    def do_POST(self) -> None:
        """One turn, as a stream of events or whole."""
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if "count_tokens" in self.path:
            self._send(json.dumps({"input_tokens": 1000}).encode(), "application/json")
            return
        block, reason = _turn(asked, self.said)
        if asked.get("stream"):
            events = "".join(
                f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in _events(block, reason)
            )
            self._send(events.encode(), "text/event-stream")
        else:
            whole = {**_message(), "content": [block], "stop_reason": reason}
            self._send(json.dumps(whole).encode(), "application/json")

    def do_GET(self) -> None:
        """Whether anybody is here."""
        self._send(b"{}", "application/json")

    def do_HEAD(self) -> None:
        """The same."""
        self.do_GET()

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("request-id", f"req_stub_{next(_NUMBERS)}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def _turn(asked: Mapping[str, Any], said: str) -> tuple[dict[str, Any], str]:
    contents = [
        part for message in asked["messages"] for part in message["content"] if isinstance(part, dict)
    ]
    has_run = any(part.get("type") == "tool_result" for part in contents)
    if has_run or not asked.get("tools"):
        return {"type": "text", "text": f"Done. {said}"}, "end_turn"
    command = {"command": f"touch {said}", "description": f"make it {said}"}
    return {"type": "tool_use", "id": "toolu_stub", "name": "Bash", "input": command}, "tool_use"


def _message() -> dict[str, Any]:
    return {
        "id": "msg_stub",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-8",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _USAGE,
    }


def _events(block: dict[str, Any], reason: str) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": _message()}
    empty = {**block, "input": {}} if block["type"] == "tool_use" else {**block, "text": ""}
    yield {"type": "content_block_start", "index": 0, "content_block": empty}
    if block["type"] == "tool_use":
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    else:
        delta = {"type": "text_delta", "text": block["text"]}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": reason, "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 50}}
    yield {"type": "message_stop"}


@contextmanager
def messages_api(said: str) -> Iterator[str]:
    """The base URL of a model that says this, until the block ends."""
    with serving(type("Handler", (_Handler,), {"said": said})) as base:
        yield base
