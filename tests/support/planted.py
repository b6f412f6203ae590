"""Plants the token of `canary` in real requests: in every place that can hold a text at once, and in one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from agenttrace_collector.decode.otlp_json import logs_from_json
from tests.support.agents import agent_scenarios
from tests.support.canary import SAID
from tests.support.corpus import scenarios

KINDS: Final[dict[str, type[ExportTraceServiceRequest | ExportLogsServiceRequest]]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
}
# Ids, and what makes a span a step or a record one that is read: without them nothing would pass at all.
_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_READ_BY: Final = frozenset(
    f"attributes[{key}]"
    for key in (
        "event.name",
        "gen_ai.operation.name",
        "llm.request.type",
        "openinference.span.kind",
        "prompt.id",
        "prompt_id",
        "conversation.id",
        "traceloop.span.kind",
    )
) | {"scope.name", "events.name", "log_records.event_name"}


_KEY: Final = " key"


class Place(NamedTuple):
    """A field that can hold text: its path, with the key of an attribute, and what puts the sentence there."""

    path: str
    plant: Callable[[], None]

    @property
    def is_key(self) -> bool:
        """Whether it is an attribute's key."""
        return self.path.endswith(_KEY)

    @property
    def is_read_by(self) -> bool:
        """Whether a span or record is nothing without what stands here."""
        return self.path.removesuffix(_KEY).endswith(tuple(_READ_BY))


def corpora() -> Iterator[tuple[str, bytes]]:
    """Every request of every open corpus, frameworks and coding agents: its signal and its protobuf bytes."""
    for scenario in scenarios():
        for signal in KINDS:
            yield from ((signal, body) for body in scenario.bodies(signal))
    for agent in agent_scenarios():
        for name, body in agent.sent("logs"):
            yield "logs", logs_from_json(body).data if name.endswith(".json") else body


def planted_everywhere(signal: str, body: bytes) -> Iterator[bytes]:
    """The request with the sentence in every text and value, those by which it is read left or not, then in every key."""
    for keys, spare in ((False, True), (False, False), (True, True)):
        request = KINDS[signal].FromString(body)
        for place in list(places(request)):
            if place.is_key == keys and not (spare and place.is_read_by):
                place.plant()
        yield request.SerializeToString()


def planted_one_by_one(signal: str, body: bytes, done: set[str]) -> Iterator[bytes]:
    """The request with the sentence in one place at a time that is not done yet, wherever in the request it stands."""
    request = KINDS[signal].FromString(body)
    paths = {place.path for place in places(request)} - done
    done |= paths
    for path in sorted(paths):
        request = KINDS[signal].FromString(body)
        for place in [each for each in places(request) if each.path == path]:
            place.plant()
        yield request.SerializeToString()


def places(message: Message, path: str = "") -> Iterator[Place]:
    """The places of a message; an attribute's value is one whatever it holds, its key another."""
    if isinstance(message, KeyValue):
        here = f"{path}[{message.key}]"
        yield Place(here, partial(_say, message))
        yield Place(here + _KEY, partial(setattr, message, "key", SAID))
        return
    for field in message.DESCRIPTOR.fields:
        at = f"{path}.{field.name}"
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            held = getattr(message, field.name)
            children = held if field.is_repeated else [held] if message.HasField(field.name) else []
            for child in children:
                yield from places(child, at)
        elif field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
            yield Place(at, partial(setattr, message, field.name, SAID))
        elif field.type == FieldDescriptor.TYPE_BYTES and field.name not in _IDS:
            yield Place(at, partial(setattr, message, field.name, SAID.encode()))


def _say(attribute: KeyValue) -> None:
    attribute.value.string_value = SAID
