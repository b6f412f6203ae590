"""A model API: asks for the first tool it is offered, with words of ours, and answers once the tool has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.stub_server import serving


class _Handler(BaseHTTPRequestHandler):
    said: str

    def do_POST(self) -> None:
        """One turn of chat completions."""
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        body = json.dumps(_completion(asked, self.said)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def _completion(asked: Mapping[str, Any], said: str) -> dict[str, Any]:
    has_tool_answer = any(message["role"] == "tool" for message in asked["messages"])
    message: dict[str, Any] = {"role": "assistant", "content": f"It is on its way. {said}"}
    if not has_tool_answer:
        function = {
            "name": asked["tools"][0]["function"]["name"],
            "arguments": json.dumps({"order_id": said}),
        }
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        }
    reason = "stop" if has_tool_answer else "tool_calls"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": f"{asked['model']}-2024-07-18",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": {"prompt_tokens": 110, "completion_tokens": 21, "total_tokens": 131},
    }


@contextmanager
def model_api(said: str) -> Iterator[str]:
    """The base URL of a model that says this, until the block ends."""
    with serving(type("Handler", (_Handler,), {"said": said})) as base:
        yield f"{base}/v1"
