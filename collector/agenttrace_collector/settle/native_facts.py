"""What the compiled settling is told when it is built: every fact that it depends on, as plain data.

Each fact stays where it is defined; here it is only collected. A table, a column, a kind, a rule or a threshold that
it does not know ends its building.
"""

from __future__ import annotations

from typing import Any, Final

from agenttrace_collector.decode import ids
from agenttrace_collector.decode.conventions.agent_spans import SIDE_WRAPPERS, WAITS
from agenttrace_collector.decode.conventions.coding_agents import DENIED
from agenttrace_collector.decode.conventions.read import UNKNOWN_ERROR
from agenttrace_collector.settle import classify, counts, failure_codes, rows, same_call
from agenttrace_collector.settle.model import CODING_AGENT, DENIAL, KINDS, STATED, Thresholds
from agenttrace_collector.settle.stored import READ_ROWS, TOLD_COLUMNS
from agenttrace_schemas import column_types, names, patterns, rules, texts, wire
from agenttrace_schemas.counts import MOST_SUMMED
from agenttrace_schemas.derivation import DERIVATIONS, RULES_VERSION
from agenttrace_schemas.derived_rows import DERIVED_ROWS
from agenttrace_schemas.rows import columns
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.vocabulary import DecisionType, FailureType, RunStatus, StepType

_TOLD: Final = ("told", list(TOLD_COLUMNS.items()))


def settling_facts(policy: Policy) -> dict[str, Any]:
    """Every fact by name, for a site's policy."""
    return {
        "tables": [
            *(
                (row.TABLE, [(name, column.type) for name, column in columns(row).items()])
                for row in (*READ_ROWS, *DERIVED_ROWS)
            ),
            _TOLD,
        ],
        "closed": {
            "roles": set(column_types.ROLES),
            "statuses": set(column_types.STATUSES),
            "operations": set(column_types.OPERATIONS),
            "sources": set(column_types.SOURCES),
            "finish_reasons": set(column_types.FINISH_REASONS),
            "output_types": set(column_types.OUTPUT_TYPES),
            "step_types": set(map(str, StepType)),
            "run_statuses": set(map(str, RunStatus)),
        },
        **_calls(),
        **_failures(policy),
        **_texts(policy),
        "derivations": [
            (each.rule, each.kind, str(each.type), str(each.code), each.selected)
            for each in DERIVATIONS.values()
        ],
        "rules_version": RULES_VERSION,
        "thresholds": set(Thresholds().by_name()),
        "decisions": {kind: frozenset(codes) for kind, codes in policy.vocabulary.decisions.items()},
        "signals": {kind: frozenset(codes) for kind, codes in policy.vocabulary.signals.items()},
        "takes_decisions": policy.decisions,
        "namespace": ids.NAMESPACE,
        "numbers": {
            "most_summed": MOST_SUMMED,
            "tolerance": same_call.TOLERANCE,
            "looked_at": classify.LOOKED_AT,
            "after_end": counts.AFTER_END,
            "after_start": counts.AFTER_START,
            "metadata_keys": rules.METADATA_KEYS,
            "metadata_key": rules.METADATA_KEY_LENGTH,
            "metadata": rules.METADATA_LENGTH,
            "identifier": texts.IDENTIFIER_LENGTH,
        },
    }


def _calls() -> dict[str, Any]:
    """What calls are, and which of them are none."""
    return {
        "kinds": dict(KINDS),
        "shared": list(same_call.SHARED),
        "coding_agent": CODING_AGENT,
        "stated": set(STATED),
        "denial": DENIAL,
        "approval": str(DecisionType.APPROVAL),
        "unknown": wire.UNKNOWN,
        "unknown_error": UNKNOWN_ERROR,
        "denied": set(DENIED),
        "waits": set(WAITS),
        "side_wrappers": set(SIDE_WRAPPERS),
    }


def _failures(policy: Policy) -> dict[str, Any]:
    """What failures are called."""
    return {
        "failure_words": list(failure_codes.WORDS),
        "between_words": set(failure_codes.BETWEEN_WORDS),
        "uncaught": failure_codes.UNCAUGHT,
        "unavailable": failure_codes.UNAVAILABLE,
        "rate_limited": failure_codes.RATE_LIMITED,
        "transient": set(failure_codes.TRANSIENT),
        "failure_of_kind": {kind: str(failure) for kind, failure in rows.FAILURE_TYPES.items()},
        "failure_of_others": str(FailureType.ORCHESTRATION),
        "failure_rules": (rows.STEP_FAILED, rows.RUN_FAILED, rows.TOLD_LATER),
        "failure_types": set(map(str, FailureType)),
        "failure_message": rules.failure_message(policy, "{type}", "{code}"),
    }


def _texts(policy: Policy) -> dict[str, Any]:
    """What names and metadata may look like."""
    return {
        "patterns": {
            "identifier": patterns.IDENTIFIER,
            "secret": patterns.SECRETS,
            "label": patterns.LABELS[policy.labels],
            "metadata_key": patterns.METADATA_KEY,
            "ran": patterns.RAN,
            "call_again": patterns.CALL_AGAIN,
            "unknown_tool": patterns.UNKNOWN_TOOL,
            "stood_for": names.STOOD_FOR.pattern,
        },
        "no_identity": set(names.NO_IDENTITY),
        "blocked_keys": set(rules.BLOCKED_KEYS),
    }
