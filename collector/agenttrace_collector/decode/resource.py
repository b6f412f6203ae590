"""The sender of a resource's spans: agent, version and environment, enforced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agenttrace_collector.decode.attributes import value_of
from agenttrace_schemas import wire
from agenttrace_schemas.allowlist import RESOURCE

# Each name's keys, the first that is stated counts, and what it is where none is.
SPELLINGS: Final = {
    "agent_id": (wire.AGENT_ID, wire.SERVICE_NAME),
    "agent_version": (wire.AGENT_VERSION, wire.SERVICE_VERSION),
    "environment": (wire.ENVIRONMENT, wire.DEPLOYMENT_ENVIRONMENT, wire.DEPLOYMENT_ENVIRONMENT_OLD),
}
DEFAULTS: Final = {
    "agent_id": wire.UNKNOWN,
    "agent_version": wire.UNKNOWN,
    "environment": wire.DEFAULT_ENVIRONMENT,
}


@dataclass(frozen=True, slots=True)
class Sender:
    """The enforced names of a resource; each has a default."""

    agent_id: str
    agent_version: str
    environment: str


def read_sender(resource: Resource, enforced: Callable[[str, str], str]) -> Sender:
    """Returns the sender: of each name the first attribute that is stated, our own before OpenTelemetry's.

    `enforced` takes a name and its attribute key and returns the name to store.
    """
    found = {item.key: value_of(item.value) for item in resource.attributes if item.key in RESOURCE}
    texts = {key: value.strip() for key, value in found.items() if isinstance(value, str)}
    stated = {key: text for key, text in texts.items() if text}
    if stated.get(wire.SERVICE_NAME, "").startswith(wire.UNKNOWN_SERVICE):
        del stated[wire.SERVICE_NAME]

    def first(keys: Iterable[str]) -> str:
        return next((enforced(stated[key], key) for key in keys if key in stated), "")

    return Sender(**{name: first(keys) or DEFAULTS[name] for name, keys in SPELLINGS.items()})
