"""What the compiled engine is told when it is built: every fact that decoding depends on, as plain data.

Each fact stays where it is defined; here it is only collected. A reader, a column, a rule or a field of OTLP that the
engine does not know ends its building; spans that tell facts or typed events that it does not know are handed back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenttrace_collector.decode import guardrails, ids, resource, steps
from agenttrace_collector.decode.conventions import complete, frameworks, genai, openinference, read, table
from agenttrace_collector.decode.conventions.agent_spans import AGENT_SPANS
from agenttrace_collector.decode.events import KINDS, TABLES
from agenttrace_collector.decode.native_agents import ReaderData, agent_spans_data, agents_data
from agenttrace_schemas import column_types, counts, names, patterns, rows, rules, spellings, texts, wire
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.vocabulary import FailureType

_REQUESTS: Final = (ExportTraceServiceRequest, ExportLogsServiceRequest)
_KINDS: Final[Mapping[table.ReadValue, str]] = {
    table.text: "text",
    table.name: "name",
    table.count: "count",
    table.sequence: "sequence",
    table.next_count: "next_count",
    table.flag: "flag",
    table.failed: "failed",
    table.filled: "filled",
    table.length: "length",
}


class _Readers:
    """Readers as data, and the tables of spellings that they share."""

    def __init__(self) -> None:
        self.spellings: list[dict[str, str]] = []

    def __call__(self, reader: table.ReadValue) -> ReaderData:
        if isinstance(reader, table.Constant):
            return "constant", None, reader.fact, False
        if isinstance(reader, table.Spelled):
            return "spelled", self._number(reader.spellings), reader.unknown, reader.is_open
        return _KINDS[reader], None, None, False

    def _number(self, words: Mapping[str, str]) -> int:
        table_ = dict(words)
        if table_ not in self.spellings:
            self.spellings.append(table_)
        return self.spellings.index(table_)


def engine_facts(policy: Policy) -> dict[str, Any]:
    """Every fact by name, for a site's policy."""
    return {
        "messages": [field for request in _REQUESTS for field in _fields(request.DESCRIPTOR, set())],
        "tables": [
            (row.TABLE, [(name, column.type) for name, column in rows.columns(row).items()])
            for row in rows.ROWS
        ],
        "rules": list(rules.RULES),
        **_reading(),
        **_completing(),
        **_texts(policy),
        **_events(policy),
        "agents": agents_data(),
    }


def _fields(message: Descriptor, seen: set[str]) -> Iterator[tuple[str, int, int, bool]]:
    """Message, number, type and whether it is repeated, of every field that a request may have."""
    seen.add(message.full_name)
    for field in message.fields:
        yield message.full_name, field.number, field.type, field.is_repeated
        if field.message_type and field.message_type.full_name not in seen:
            yield from _fields(field.message_type, seen)


def _reading() -> dict[str, Any]:
    """How keys of attributes become facts of a span."""
    reader = _Readers()
    return {
        "first": [(key, fact, reader(each)) for key, (fact, each) in read.FIRST.items()],
        "later": [
            (key, place, fact, reader(each))
            for key, entries in read.LATER.items()
            for place, fact, each in entries
        ],
        "last": read.LAST,
        "fact_keys": read.KEYS,
        "families": [(family.prefix, family.kind) for family in read.FAMILIES],
        "choice": (
            genai.CHOICE_EVENT,
            genai.CHOICE.key,
            f"{genai.CHOICE_EVENT}.{genai.CHOICE.key}",
            reader(genai.CHOICE.read),
        ),
        "completion_key": genai.COMPLETION_KEY,
        "document_digits": openinference.DIGITS,
        "longest_list": table.LONGEST_LIST,
        "exception": (wire.EXCEPTION_EVENT, wire.EXCEPTION_TYPE, read.UNKNOWN_ERROR),
        "spellings": reader.spellings,
        "failures": frozenset(table.FAILURES),
        "no_counts": frozenset(table.NO_COUNTS),
        "flags": dict(spellings.FLAGS),
        "most": (counts.MOST_COUNTED, counts.MOST_SEQ, table.MOST_LOOKED_AT, spellings.LONGEST),
        "labels_of_words": frozenset(spellings.LABELS),
        "word_patterns": (
            spellings.BETWEEN_WORDS.pattern,
            spellings.QUALIFIED.pattern,
            spellings.PREFIX.pattern,
        ),
        "sender": [(list(keys), resource.DEFAULTS[name], name) for name, keys in resource.SPELLINGS.items()],
        "service_name": (wire.SERVICE_NAME, wire.UNKNOWN_SERVICE),
        "repeated_scopes": frozenset(scope for scope, each in AGENT_SPANS.items() if each.is_silent),
        "agent_spans": agent_spans_data(reader),
        "events_span": wire.EVENTS_SPAN,
    }


def _completing() -> dict[str, Any]:
    """What follows from a span's facts."""
    return {
        "named_spans": {scope: dict(words) for scope, words in genai.NAMED_SPANS.items()},
        "kind_keys": list(complete.KIND_KEYS),
        "kind_words": (frameworks.NO_STEP, frameworks.MODEL_SPAN),
        "answer_tools": {scope: set(tools) for scope, tools in frameworks.ANSWER_TOOLS.items()},
        "tripped": frameworks.TRIPPED,
        "guardrail": (frameworks.GUARDRAIL, guardrails.TRIGGERED),
        "guardrail_outcomes": (frameworks.PASSED, frameworks.TRIP, frameworks.MASKED),
        "guardrail_selected": dict(frameworks.SELECTED),
        "error_prefix": frameworks.ERROR_PREFIX,
        "model_calls": frozenset(complete.MODEL_CALLS),
        "roles": dict(complete.ROLES),
        "step_type_of": dict(complete.STEP_TYPES),
        "handoff_tools": frozenset(complete.HANDOFF_TOOLS),
        "handoff": (complete.HANDOFF, complete.HANDOFF_PREFIX, complete.HANDOFF_SPAN),
        "tool_spans": list(complete.TOOL_SPANS),
        "named_for": dict(openinference.NAMED_FOR),
        "method_scopes": frozenset(openinference.METHOD_SCOPES),
        "methods": dict(openinference.METHODS),
        "streaming_methods": frozenset(openinference.STREAMING_METHODS),
        "agent_suffix": openinference.AGENT_SUFFIX,
        "step_types": frozenset(steps.STEP_TYPES),
        "operations": frozenset(column_types.OPERATIONS),
        "finish_reasons": frozenset(column_types.FINISH_REASONS),
        "output_types": frozenset(column_types.OUTPUT_TYPES),
        "statuses": list(column_types.STATUSES),
        "named_operations": list(names.OPERATIONS),
    }


def _texts(policy: Policy) -> dict[str, Any]:
    """What texts may look like, and what stands for those that do not."""
    return {
        "patterns": {
            "label": patterns.LABELS[policy.labels],
            "printable": patterns.LABELS["relaxed"],
            "identifier": patterns.IDENTIFIER,
            "metadata_key": patterns.METADATA_KEY,
            "secret": patterns.SECRETS,
            "ran": patterns.RAN,
            "call_again": patterns.CALL_AGAIN,
            "unknown_tool": patterns.UNKNOWN_TOOL,
            "stood_for": names.STOOD_FOR.pattern,
        },
        "stand_ins": (texts.REDACTED, names.UNCONFIRMED, names.UNKNOWN_TOOL),
        "no_identity": frozenset(names.NO_IDENTITY),
        "identifier_length": texts.IDENTIFIER_LENGTH,
        "site_key": policy.site_key,
        "tools": frozenset(policy.tools),
        "namespace": ids.NAMESPACE,
    }


def _events(policy: Policy) -> dict[str, Any]:
    """What typed events may state."""
    return {
        "kinds": [(name, kind, TABLES[kind]) for name, kind in KINDS.items()],
        "wire": {
            name: value for name, value in vars(wire).items() if name.isupper() and isinstance(value, str)
        },
        "decisions": {kind: frozenset(codes) for kind, codes in policy.vocabulary.decisions.items()},
        "signals": {kind: frozenset(codes) for kind, codes in policy.vocabulary.signals.items()},
        "failure_types": {str(kind) for kind in FailureType},
        "takes_decisions": policy.decisions,
        "keeps_messages": policy.failure_messages == "keep",
        "blocked_keys": frozenset(rules.BLOCKED_KEYS),
        "lengths": {
            "selected": rules.SELECTED_LENGTH,
            "candidate": rules.CANDIDATE_LENGTH,
            "candidates": rules.CANDIDATES,
            "metadata_keys": rules.METADATA_KEYS,
            "metadata_key": rules.METADATA_KEY_LENGTH,
            "metadata": rules.METADATA_LENGTH,
            "message": rules.MESSAGE_LENGTH,
        },
    }
