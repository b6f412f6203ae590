"""The gate as the compiled engine is told it: what may leave under which key, as plain data.

Each fact stays where it is defined; here it is only collected. A form or a fact that the engine does not know ends the
building, and Python makes every copy.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode.compiled import MODULE
from agenttrace_collector.decode.conventions.read import FAMILIES, FIRST, LATER
from agenttrace_collector.forward import structure
from agenttrace_collector.forward.attributes import DOCUMENT, GENAI, LONGEST_SPAN_NAME, STAMPS
from agenttrace_collector.forward.makers import HASH, LONGEST, NAMED_BY, kind_of_name
from agenttrace_schemas import allowlist, rebuild, wire
from agenttrace_schemas.allowlist import ValueForm
from agenttrace_schemas.rules import OTHER

_log: Final = logging.getLogger(__name__)


def compiled_gate(settings: Forward, stamp: str) -> Any | None:
    """The gate of a configuration for the compiled engine; None where there is none that can take it.

    `stamp` is what the gate signs with.
    """
    if find_spec(MODULE) is None:
        return None
    try:
        return import_module(MODULE).Gate(gate_facts(settings, stamp))
    except (ImportError, AttributeError, ValueError, TypeError, KeyError) as error:
        _log.warning("what goes on is made in Python: the compiled engine is of another version: %s", error)
        return None


def gate_facts(settings: Forward, stamp: str) -> dict[str, Any]:
    """Every fact by name."""
    return {
        "as_sent": settings.conventions == "as_sent",
        "keep_structure": settings.other_spans == "structure",
        "makers": list(_makers()),
        "families": [
            (pattern.pattern, "requested" if form is ValueForm.NAME else _form(form))
            for pattern, form in allowlist.FAMILIES.items()
        ],
        "documents": (
            allowlist.DOCUMENTS.pattern,
            DOCUMENT,
            allowlist.DOCUMENT_KEY.removeprefix(DOCUMENT).removeprefix("{}"),
        ),
        "unconfirmed": {fact: set(keys) for fact, keys in NAMED_BY.items()},
        "stamps": [(key, _form(form)) for key, form in allowlist.KEYS.items() if key.startswith(STAMPS)],
        "events": {name: (key, _form(form)) for name, (key, form) in allowlist.EVENTS.items()},
        "words": {_form(form): dict(words) for form, words in rebuild.WORDS.items()},
        "other_word": OTHER,
        "keys": dict(GENAI),
        "hash": HASH.pattern,
        "span_name": allowlist.SPAN_NAME.pattern,
        "nameless": rebuild.NAMELESS,
        "longest": (LONGEST, LONGEST_SPAN_NAME, rebuild.LONGEST, rebuild.LONGEST_JSON),
        "resource": sorted(allowlist.RESOURCE),
        "stamp": (wire.GATE, stamp),
        "structure": _structure(),
        "endings": dict(structure.ENDINGS),
    }


def _form(form: ValueForm) -> str:
    return form.name.lower()


def _makers() -> Iterator[tuple[str, str]]:
    """What makes the value of each key that is read; the others stay here."""
    prefixes = tuple(family.prefix for family in FAMILIES)
    for key, form in allowlist.KEYS.items():
        if key in FIRST or key in LATER or key.startswith(prefixes):
            yield key, kind_of_name(key) if form is ValueForm.NAME else _form(form)


def _structure() -> Mapping[str, Any]:
    return {
        "method_keys": list(structure.METHOD_KEYS),
        "methods": {method: structure.of_method(method) for method in structure.METHODS},
        "statement_keys": list(structure.STATEMENT_KEYS),
        "statements": set(structure.STATEMENTS),
        "kinds": dict(structure.KINDS),
        "other_kind": structure.OTHER_KIND,
    }
