"""Parses request bytes to OTLP messages; repairs invalid UTF-8 and deep nesting.

Protobuf refuses a whole message for one string that is not UTF-8, and relays written in Go let such strings
through (OTLP facts, section A); it refuses one too that is nested more than 100 messages deep. The same
descriptors with strings, maps and nested lists declared as bytes parse them: there bad bytes are replaced,
maps and nested lists emptied (no rule can read them), and the message is read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeVar

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from google.protobuf.message import DecodeError, Message

from agenttrace_collector.errors import Rejected

MessageT = TypeVar("MessageT", bound=Message)

_STRING: Final = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_BYTES: Final = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
_COMMON: Final = "opentelemetry.proto.common.v1"
_NESTED: Final = frozenset({"array_value", "kvlist_value"})


def parse(kind: type[MessageT], body: bytes) -> MessageT:
    """Returns the message of this class; raises `Rejected` if the bytes are not one."""
    try:
        return kind.FromString(body)
    except DecodeError:
        return _repaired(kind, body)


def _repaired(kind: type[MessageT], body: bytes) -> MessageT:
    try:
        lenient = _lenient(kind.DESCRIPTOR.file, kind.DESCRIPTOR.full_name)
        message = lenient.kind.FromString(body)
        _replace_invalid(message, lenient.strings)
        return kind.FromString(message.SerializeToString())
    except DecodeError as error:
        text = f"the body is not a protobuf {kind.DESCRIPTOR.name}"
        raise Rejected(text) from error


def _replace_invalid(message: Message, strings: frozenset[str]) -> None:
    """Make what the strict message reads as a string valid UTF-8, and empty what it reads as nested values."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for child in value if field.is_repeated else (value,):
                _replace_invalid(child, strings)
        elif field.full_name in strings:
            _replace_field(message, field, value)
        elif field.name in _NESTED:
            setattr(message, field.name, b"")


def _replace_field(message: Message, field: FieldDescriptor, value: bytes | Sequence[bytes]) -> None:
    if isinstance(value, bytes):
        setattr(message, field.name, _valid(value))
    else:
        getattr(message, field.name)[:] = [_valid(raw) for raw in value]


def _valid(raw: bytes) -> bytes:
    return raw.decode("utf-8", "replace").encode()


class _Lenient(NamedTuple):
    """A message class whose strings are bytes, and the full names of the fields that were strings."""

    kind: type[Message]
    strings: frozenset[str]


@cache
def _lenient(file: FileDescriptor, name: str) -> _Lenient:
    pool = descriptor_pool.DescriptorPool()
    strings: set[str] = set()
    for proto in _with_dependencies(file):
        if proto.package == _COMMON:
            _stop_nesting(proto)
        for message in proto.message_type:
            strings.update(_strings_to_bytes(message, f"{proto.package}.{message.name}"))
        pool.Add(proto)
    return _Lenient(message_factory.GetMessageClass(pool.FindMessageTypeByName(name)), frozenset(strings))


def _with_dependencies(file: FileDescriptor) -> list[descriptor_pb2.FileDescriptorProto]:
    """A file and all it imports, each once, imports first."""
    protos: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    for dependency in file.dependencies:
        protos.update({proto.name: proto for proto in _with_dependencies(dependency)})
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)
    return [*protos.values(), proto]


def _stop_nesting(proto: descriptor_pb2.FileDescriptorProto) -> None:
    """Declare maps as bytes, and of a list's values maps and lists: what is in those is not looked at."""
    (value,) = (message for message in proto.message_type if message.name == "AnyValue")
    (array,) = (message for message in proto.message_type if message.name == "ArrayValue")
    item = proto.message_type.add()
    item.CopyFrom(value)
    item.name = "ArrayItem"
    array.field[0].type_name = f".{_COMMON}.{item.name}"
    opaque = [field for field in item.field if field.name in _NESTED]
    opaque += [field for field in value.field if field.name == "kvlist_value"]
    for field in opaque:
        field.type = _BYTES
        field.ClearField("type_name")


def _strings_to_bytes(message: descriptor_pb2.DescriptorProto, full_name: str) -> Iterator[str]:
    for field in message.field:
        if field.type == _STRING:
            field.type = _BYTES
            yield f"{full_name}.{field.name}"
    for nested in message.nested_type:
        yield from _strings_to_bytes(nested, f"{full_name}.{nested.name}")
