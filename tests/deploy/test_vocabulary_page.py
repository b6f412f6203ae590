"""The vocabulary page says what the contract says."""

from __future__ import annotations

from agenttrace_schemas import wire
from agenttrace_schemas.rules import RULES
from agenttrace_schemas.vocabulary import ReasonCode, SignalCode
from deploy.generate.vocabulary import vocabulary_page
from deploy.generate.wire_schema import wire_schema


def test_every_code_and_rule_is_named() -> None:
    """Nothing that can be stored or refused is left out."""
    page = vocabulary_page()
    assert [name for name in (*ReasonCode, *SignalCode, *RULES) if f"`{name}`" not in page] == []


def test_attributes_are_those_of_the_schema() -> None:
    """Page and JSON Schema list the same attributes and require the same ones."""
    listed = {line for line in vocabulary_page().splitlines() if line.startswith("| `agenttrace.")}
    stated = {
        (cells[1].strip(" `"), "required" in cells[3]) for cells in (line[1:].split("|") for line in listed)
    }
    assert stated == {
        (key, key in attributes["required"])
        for event in wire_schema()["oneOf"]  # type: ignore[attr-defined]  # JSON is object to the type checker
        for attributes in [event["properties"]["attributes"]]
        for key in attributes["properties"]
        if key != wire.STEP_ID
    }
