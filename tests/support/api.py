"""The HTTP API of a collector process, asked as a client with a token asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.collector import Collector
from tests.support.receivers import wait_until

# A client for each role of two tenants, named `tenant-role`.
TENANTS: Final = ("acme", "initech")
ROLES: Final = ("ingest", "read", "operator")


def tokens_file(directory: Path) -> Path:
    """A tokens file in which every token is called `tenant-role`."""
    lines = [
        f"  - {{token: {tenant}-{role}, tenant: {tenant}, role: {role}}}"
        for tenant in TENANTS
        for role in ROLES
    ]
    file = directory / "tokens.yaml"
    file.write_text("\n".join(["tokens:", *lines, ""]))
    return file


@dataclass(frozen=True, slots=True)
class Api:
    """Requests with one token, or without any."""

    collector: Collector
    token: str = ""

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """GET, with query parameters."""
        return self.send("GET", path, params=parameters)

    def post(self, document: Mapping[str, Any] | bytes, **headers: str) -> httpx.Response:
        """POST a run document, or any bytes as one."""
        if isinstance(document, bytes):
            sent = {
                "content-type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            }
            return self.send("POST", "/v1/runs", content=document, headers=sent)
        return self.send("POST", "/v1/runs", json=document)

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Any request."""
        headers = {
            **({"authorization": f"Bearer {self.token}"} if self.token else {}),
            **more.pop("headers", {}),
        }
        url = self.collector.url("api", path)
        return httpx.request(method, url, headers=headers, timeout=60, trust_env=False, **more)

    def found(self, path: str, **parameters: Any) -> Any:
        """The body of an answer of 200."""
        answer = self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def eventually(self, condition: Callable[[Any], bool], path: str, **parameters: Any) -> Any:
        """The first body of which a condition holds: what was stored shows within a second or so."""
        bodies: list[Any] = []

        def holds() -> bool:
            bodies.append(self.found(path, **parameters))
            return condition(bodies[-1])

        wait_until(holds, 20)
        return bodies[-1]
