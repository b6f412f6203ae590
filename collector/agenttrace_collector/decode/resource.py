"""Who sent a resource's spans: agent, version and environment, enforced."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agenttrace_collector.decode.attributes import value_of
from agenttrace_schemas import wire

_KEYS = frozenset(
    {
        wire.SERVICE_NAME,
        wire.SERVICE_VERSION,
        wire.DEPLOYMENT_ENVIRONMENT,
        wire.DEPLOYMENT_ENVIRONMENT_OLD,
        wire.AGENT_ID,
        wire.AGENT_VERSION,
        wire.ENVIRONMENT,
    }
)


@dataclass(frozen=True, slots=True)
class Sender:
    """The names a resource gives, as they were sent; every one has a default."""

    agent_id: str
    agent_version: str
    environment: str


def read_sender(resource: Resource) -> Sender:
    """The first stated of each name's spellings, our own stamps before OpenTelemetry's."""
    found = {item.key: value_of(item.value) for item in resource.attributes if item.key in _KEYS}
    stated = {key: value for key, value in found.items() if isinstance(value, str) and value}
    if stated.get(wire.SERVICE_NAME, "").startswith(wire.UNKNOWN_SERVICE):
        del stated[wire.SERVICE_NAME]
    return Sender(
        agent_id=_first(stated, wire.AGENT_ID, wire.SERVICE_NAME) or wire.UNKNOWN,
        agent_version=_first(stated, wire.AGENT_VERSION, wire.SERVICE_VERSION) or wire.UNKNOWN,
        environment=_first(
            stated, wire.ENVIRONMENT, wire.DEPLOYMENT_ENVIRONMENT, wire.DEPLOYMENT_ENVIRONMENT_OLD
        )
        or wire.DEFAULT_ENVIRONMENT,
    )


def _first(stated: dict[str, str], *keys: str) -> str:
    return next((stated[key] for key in keys if key in stated), "")
