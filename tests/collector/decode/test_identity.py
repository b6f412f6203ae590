"""Ids depend on what a record says and on nothing else."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from agenttrace_collector.decode import ids as identity

TRACE, SPAN = bytes(range(16)), bytes(range(8))


@for_all(st.binary(max_size=64))
def test_uuid5_is_that_of_the_standard_library(name: bytes) -> None:
    """Our UUIDv5 differs from Python's only in taking bytes."""
    text = name.decode("latin-1")
    expected = uuid.uuid5(uuid.UUID(bytes=identity.NAMESPACE), text).bytes
    assert identity.uuid5(text.encode()) == expected


@pytest.mark.parametrize("form", [str, lambda value: value.hex, lambda value: str(value).upper()])
def test_a_given_uuid_is_kept(form: object) -> None:
    """Canonical, compact and upper-case spellings are one id."""
    value = uuid.UUID("0b9d6f64-1f2a-4b6c-8a63-1d7f3e6c5a10")
    assert callable(form)
    assert identity.parse_or_hash_id(form(value)) == value.bytes


@for_all(st.text(max_size=64))
def test_any_other_given_id_becomes_a_uuid5(text: str) -> None:
    """No text is stored: what is no UUID is replaced by a digest of it."""
    made = identity.parse_or_hash_id(text)
    assert len(made) == 16
    assert identity.parse_or_hash_id(text) == made


@pytest.mark.parametrize("name", ["", " ", "<not specified>", "_redacted", "_redacted_0a1b2c3d", "a" * 129])
def test_what_names_no_call_makes_no_id(name: str) -> None:
    """Other calls may have it, too, and would be taken for this one."""
    assert identity.call(name) is None
    assert identity.call("call_1") == identity.call(" call_1 ") != identity.call("call_2")


def test_ids_of_twins_in_one_span_differ() -> None:
    """Two events that say the same at the same time are told apart by their ordinal."""
    first, second = (identity.event(TRACE + SPAN, "e", 1, b"fields", ordinal=ordinal) for ordinal in (0, 1))
    assert first != second
    assert first == identity.event(TRACE + SPAN, "e", 1, b"fields", ordinal=0)


def test_a_step_is_named_by_its_span() -> None:
    """Another span of the trace is another step."""
    assert identity.step(TRACE, SPAN) != identity.step(TRACE, SPAN[::-1])
