"""OTLP/JSON to the protobuf bytes that decoding takes.

Not protobuf's own JSON: ids are hex, enums are numbers only, keys are lowerCamelCase only and
unknown ones are ignored (OTLP facts, section A). Messages name the field, never its value.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import EncodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenttrace_collector.errors import Rejected

MessageT = TypeVar("MessageT", bound=Message)

_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_INTEGERS: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_FIXED32,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)
_SPECIAL_FLOATS: Final = frozenset({"NaN", "Infinity", "-Infinity"})
_DECIMAL: Final = re.compile("-?[0-9]{1,20}", re.ASCII)


def traces_from_json(body: bytes) -> bytes:
    """An ExportTraceServiceRequest in JSON as protobuf bytes; raises `Rejected`."""
    return _from_json(ExportTraceServiceRequest(), body)


def logs_from_json(body: bytes) -> bytes:
    """An ExportLogsServiceRequest in JSON as protobuf bytes; raises `Rejected`."""
    return _from_json(ExportLogsServiceRequest(), body)


def _from_json(message: Message, body: bytes) -> bytes:
    try:
        _fill(message, json.loads(body.decode("utf-8-sig", "replace")), "body")
        return message.SerializeToString()
    except (ValueError, RecursionError, EncodeError) as error:
        # Neither text is shown: json's repeats what it read, protobuf's too.
        text = "the body is not OTLP/JSON: not JSON, nested too deeply, or a number out of range"
        raise Rejected(text) from error


def _fill(message: Message, value: object, name: str) -> None:
    if not isinstance(value, Mapping):
        raise _refused(name, "an object")
    fields = _fields(message.DESCRIPTOR)
    for key, child in value.items():
        field = fields.get(key)
        if field is None or child is None:
            continue
        if field.is_repeated:
            _extend(message, field, child)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            target = getattr(message, field.name)
            target.SetInParent()
            _fill(target, child, field.json_name)
        else:
            setattr(message, field.name, _scalar(field, child))


def _extend(message: Message, field: FieldDescriptor, value: object) -> None:
    if not isinstance(value, list):
        raise _refused(field.json_name, "an array")
    target = getattr(message, field.name)
    for item in value:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            _fill(target.add(), item, field.json_name)
        else:
            target.append(_scalar(field, item))


@cache
def _fields(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    return {field.json_name: field for field in descriptor.fields}


def _scalar(field: FieldDescriptor, value: Any) -> object:
    if field.type == FieldDescriptor.TYPE_STRING:
        return _string(field, value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _hex(field, value) if field.name in _IDS else _base64(field, value)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _expected(field, value, bool, "a boolean")
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum(field, value)
    if field.type in _INTEGERS:
        return _integer(field, value)
    return _float(field, value)


def _string(field: FieldDescriptor, value: Any) -> str:
    text: str = _expected(field, value, str, "a string")
    # JSON can escape half of a surrogate pair, UTF-8 cannot hold one.
    return text.encode("utf-8", "replace").decode()


def _hex(field: FieldDescriptor, value: Any) -> bytes:
    """An id; text that is no hex is no id, which is refused span by span further on."""
    try:
        return binascii.unhexlify(_expected(field, value, str, "a hex string"))
    except ValueError:
        return b""


def _base64(field: FieldDescriptor, value: Any) -> bytes:
    try:
        return base64.b64decode(_expected(field, value, str, "a base64 string"), validate=True)
    except ValueError:
        raise _refused(field.json_name, "a base64 string") from None


def _enum(field: FieldDescriptor, value: Any) -> int:
    if isinstance(value, bool):
        raise _refused(field.json_name, "an integer, not a name")
    number: int = _expected(field, value, int, "an integer, not a name")
    return number


def _integer(field: FieldDescriptor, value: Any) -> int:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refused(field.json_name, "an integer, or one as a decimal string")
    return value


def _float(field: FieldDescriptor, value: Any) -> float:
    if isinstance(value, str) and value in _SPECIAL_FLOATS:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(field.json_name, "a number, NaN, Infinity or -Infinity")
    return float(value)


def _expected(field: FieldDescriptor, value: Any, kind: type, allowed: str) -> Any:
    if not isinstance(value, kind):
        raise _refused(field.json_name, allowed)
    return value


def _refused(name: str, allowed: str) -> Rejected:
    return Rejected(f"{name}: allowed is {allowed}")
