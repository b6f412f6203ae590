"""The HTTP API of a collector process, asked as a client with a token asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI

from agenttrace_collector.api.app import ApiDeps, build_app
from agenttrace_collector.query.backends import NullReader, QueryReader
from agenttrace_collector.receivers.admission import AdmissionController, Limits
from agenttrace_collector.receivers.decoder import Decoder
from agenttrace_collector.receivers.ingest import Ingest
from agenttrace_collector.receivers.request_metrics import RequestMetrics
from agenttrace_collector.server.auth import Authenticator
from agenttrace_collector.server.health import Health
from agenttrace_collector.telemetry.metrics import Telemetry
from agenttrace_collector.web import add_pages
from agenttrace_schemas.rules import Policy
from tests.fakes import MemorySink
from tests.support import plain_http
from tests.support.collector import Collector
from tests.support.receivers import wait_until

# A client for each role of two tenants, named `tenant-role`.
TENANTS: Final = ("acme", "initech")
ROLES: Final = ("ingest", "read", "operator", "admin")


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
        return plain_http.request(method, url, headers=headers, **more)

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


@dataclass(frozen=True, slots=True)
class Operation:
    """A GET operation as the API describes it."""

    path: str
    parameters: Mapping[str, Any]

    def __str__(self) -> str:
        return self.path

    def filled(self) -> str:
        """The path, of a run that is not there."""
        return self.path.replace("{run_id}", "00000000-0000-0000-0000-00000000000a")

    def required(self) -> dict[str, str]:
        """A value for each parameter that has to be given."""
        return {
            name: "x"
            for name, each in self.parameters.items()
            if each.get("required") and each["in"] == "query"
        }


def application(
    questions: QueryReader, *, patience: float = 30, authenticator: Authenticator | None = None
) -> FastAPI:
    """An API over these questions, in this process, without tokens unless told otherwise; it stores nothing."""
    flow = AdmissionController(Limits(requests=1, soft_bytes=1, hard_bytes=1))
    ingest = Ingest(Policy(), MemorySink(), flow, RequestMetrics(Telemetry()), Decoder())
    app = build_app(
        ApiDeps(
            questions,
            NullReader(),
            authenticator or Authenticator(),
            Policy(),
            Health(),
            ingest,
            patience=patience,
        )
    )
    add_pages(app)
    return app


@cache
def described() -> Mapping[str, Any]:
    """The OpenAPI document of an API without tokens."""
    return application(NullReader()).openapi()


def operations() -> list[Operation]:
    """Every GET operation."""
    return [
        Operation(path, {each["name"]: each for each in methods["get"].get("parameters", ())})
        for path, methods in described()["paths"].items()
        if "get" in methods
    ]
