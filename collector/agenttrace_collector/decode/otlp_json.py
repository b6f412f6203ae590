"""Converts OTLP/JSON to protobuf bytes; a value that cannot be read drops itself or its span, not the request.

Not protobuf's own JSON: ids are hex, and unknown keys are ignored (OTLP facts, section A). Keys are read in
lowerCamelCase and as the protocol's files spell them, numbers as texts, enumerations by name too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from agenttrace_collector.decode.json_body import parse_json
from agenttrace_collector.decode.json_scalars import UNREAD, in_place_of, scalar
from agenttrace_collector.errors import Rejected


class FromJson(NamedTuple):
    """Protobuf bytes and, for each resource in them, how many values of each field could not be read."""

    data: bytes
    unread: Sequence[Mapping[str, int]]


def traces_from_json(body: bytes) -> FromJson:
    """Converts an ExportTraceServiceRequest; raises `Rejected` if the body is not one."""
    return _from_json(ExportTraceServiceRequest(), body)


def logs_from_json(body: bytes) -> FromJson:
    """Converts an ExportLogsServiceRequest; raises `Rejected` if the body is not one."""
    return _from_json(ExportLogsServiceRequest(), body)


def metrics_from_json(body: bytes) -> FromJson:
    """Converts an ExportMetricsServiceRequest; raises `Rejected` if the body is not one."""
    return _from_json(ExportMetricsServiceRequest(), body)


def _from_json(message: Message, body: bytes) -> FromJson:
    document = parse_json(body)
    if not isinstance(document, Mapping):
        text = "the body must be a JSON object"
        raise Rejected(text)
    fields = _fields(message.DESCRIPTOR)
    if document and not fields.keys() & document.keys():
        (field,) = message.DESCRIPTOR.fields
        text = f"the body must have the field {field.json_name}: it has none that is known"
        raise Rejected(text)
    reader = _JsonReader()
    for key, child in document.items():
        if key in fields and child is not None:
            reader.resources(message, fields[key], child)
    return FromJson(message.SerializeToString(), reader.unread)


@cache
def _fields(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    """The fields by both of their names."""
    return {name: field for field in descriptor.fields for name in (field.json_name, field.name)}


# What stands for spans that cannot be read: one span without ids, which is refused and counted.
_SPANS_BELOW: Final = {"resource_spans": ("scope_spans", "spans"), "scope_spans": ("spans",), "spans": ()}


class _JsonReader:
    """Fills messages from JSON values and counts, resource by resource, what it could not read."""

    def __init__(self) -> None:
        self.unread: list[Counter[str]] = []

    def resources(self, message: Message, field: FieldDescriptor, value: object) -> None:
        for item in value if isinstance(value, list) else [_NO_OBJECT]:
            self.unread.append(Counter())
            self._add(message, field, item)

    def _miss(self, field: FieldDescriptor) -> None:
        self.unread[-1][field.json_name] += 1

    def _fill(self, message: Message, value: Mapping[str, Any]) -> None:
        fields = _fields(message.DESCRIPTOR)
        for key, child in value.items():
            field = fields.get(key)
            if field is None or child is None:
                continue
            if field.is_repeated:
                self._extend(message, field, child)
            elif field.type == FieldDescriptor.TYPE_MESSAGE:
                self._fill_one(getattr(message, field.name), field, child)
            else:
                self._set(message, field, child)

    def _fill_one(self, target: Message, field: FieldDescriptor, value: object) -> None:
        target.SetInParent()
        if isinstance(target, AnyValue):
            self._fill_any(target, field, value)
        elif isinstance(value, Mapping):
            self._fill(target, value)
        else:
            self._miss(field)

    def _extend(self, message: Message, field: FieldDescriptor, value: object) -> None:
        for item in value if isinstance(value, list) else [_NO_OBJECT]:
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                self._add(message, field, item)
            elif (read := scalar(field, item)) is UNREAD:
                self._miss(field)
            else:
                getattr(message, field.name).append(read)

    def _add(self, message: Message, field: FieldDescriptor, item: object) -> None:
        target = getattr(message, field.name)
        if isinstance(item, Mapping) and _is_named(field, item):
            self._fill(target.add(), item)
            return
        self._miss(field)
        if field.name in _SPANS_BELOW:
            child = target.add()
            for name in _SPANS_BELOW[field.name]:
                child = getattr(child, name).add()

    def _set(self, message: Message, field: FieldDescriptor, value: object) -> None:
        read = scalar(field, value)
        if read is UNREAD:
            self._miss(field)
            read = in_place_of(field)
        setattr(message, field.name, read)

    def _fill_any(self, target: AnyValue, field: FieldDescriptor, value: object) -> None:
        """An attribute's value; a map or bytes stand for what no rule can read, and nothing in them is kept."""
        if not isinstance(value, Mapping):
            self._unreadable(target, field)
            return
        for key, child in value.items():
            kind = _fields(target.DESCRIPTOR).get(key)
            if kind is None or child is None:
                continue
            if kind.name == "kvlist_value":
                target.kvlist_value.SetInParent()
            elif kind.name == "array_value":
                self._fill_array(target, kind, child)
            elif (read := scalar(kind, child)) is UNREAD:
                self._unreadable(target, kind)
            else:
                setattr(target, kind.name, read)

    def _fill_array(self, target: AnyValue, field: FieldDescriptor, value: object) -> None:
        items = value.get("values", []) if isinstance(value, Mapping) else None
        if not isinstance(items, list):
            self._unreadable(target, field)
            return
        target.array_value.SetInParent()
        for item in items:
            element = target.array_value.values.add()
            if isinstance(item, Mapping) and not item.keys().isdisjoint(_NESTED):
                element.kvlist_value.SetInParent()
            elif item is not None:
                self._fill_any(element, field, item)

    def _unreadable(self, target: AnyValue, field: FieldDescriptor) -> None:
        self._miss(field)
        target.bytes_value = b""


# Stands for a list that is none, so that it is missed as one element is that is no object.
_NO_OBJECT: Final = object()
_NESTED: Final = frozenset({"arrayValue", "array_value", "kvlistValue", "kvlist_value"})


def _is_named(field: FieldDescriptor, item: Mapping[str, Any]) -> bool:
    """An attribute whose key is no text would be one of an empty key, and a second one its duplicate."""
    return field.message_type is not KeyValue.DESCRIPTOR or isinstance(item.get("key"), str)
