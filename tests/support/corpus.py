"""The corpus: real requests of frameworks, and the facts that a reader of each scenario would assert."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

FOLDER: Final = Path(__file__).parents[1] / "corpus"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario of a set of framework and instrumentation."""

    pair: str
    name: str
    expected: Mapping[str, Any] = field(repr=False)
    caveat: str
    flavour: str
    files: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.pair}/{self.name}"

    def bodies(self, signal: str) -> list[bytes]:
        """The bodies of its requests, `traces` or `logs`, in the order of arrival."""
        named = (name for name in self.files if f".{signal}." in name)
        return [(FOLDER / self.pair / name).read_bytes() for name in named]

    def spans(self) -> Iterator[tuple[Span, str]]:
        """Every span with the name of its scope."""
        for body in self.bodies("traces"):
            for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope_spans in resource_spans.scope_spans:
                    for span in scope_spans.spans:
                        yield span, scope_spans.scope.name


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Every scenario of every set."""
    return tuple(_scenarios())


def _scenarios() -> Iterator[Scenario]:
    for path in sorted(FOLDER.glob("*/meta.json")):
        meta = json.loads(path.read_text())
        for name, told in meta["scenarios"].items():
            yield Scenario(
                meta["pair"],
                name,
                told["expected"],
                told.get("caveat") or "",
                meta["semconv_flavour"],
                tuple(told["files"]),
            )
