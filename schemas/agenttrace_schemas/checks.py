"""The rule table as ClickHouse CHECK constraints: the third layer, which also refuses direct inserts.

Each constraint has the form `throwIf(CAST(NOT rule AS UInt8), 'rule id') = 0`: an ordinary CHECK that is violated
prints the row's values and leaves them in `system.errors`; this form names the rule and nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Iterable, Sequence
from functools import cache
from typing import Final, NamedTuple

from agenttrace_schemas import counts, names, patterns, rules, texts
from agenttrace_schemas.column_types import Column, Guard
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.evaluation_checks import evaluation_label, evaluation_name, score
from agenttrace_schemas.expressions import SECRET, ViolatedRules, listed, matches, quoted, text
from agenttrace_schemas.migrations import migrations
from agenttrace_schemas.rows import Row, columns
from agenttrace_schemas.rules import Policy

_ROWS: Final = {row.TABLE: row for row in ALL_ROWS}
_CREATE: Final = re.compile(
    r"(?P<columns>CREATE TABLE IF NOT EXISTS (?P<table>\w+?)(?:_local)?\s[^(]*\(.*?)\n\)\nENGINE", re.DOTALL
)
_ALTER: Final = re.compile(
    r"ALTER TABLE (?P<table>\w+?)(?P<local>_local)?(?P<cluster> ON CLUSTER \S+)?\s+ADD COLUMN IF NOT EXISTS "
)
_ADDED: Final = re.compile(r"ADD COLUMN IF NOT EXISTS (\w+)")
# Stands for the columns of the constraint that holds the identifiers of a table.
_JOINED: Final = "identifiers"
_COLUMN: Final = re.compile(r"^ +(\w+) ", re.MULTILINE)


class Check(NamedTuple):
    """One constraint: the column it guards, the rule's id, an expression that is true for good rows."""

    column: str
    rule: str
    expression: str

    @property
    def name(self) -> str:
        """The constraint's name, one for each column and rule."""
        return f"check_{self.column}_{self.rule.replace('.', '_')}"

    @property
    def sql(self) -> str:
        """The constraint as a table or an ALTER declares it."""
        # Of a LowCardinality, ClickHouse 25.5 asks `throwIf` also of values that no row has.
        broken = f"CAST(NOT ({self.expression}) AS UInt8)"
        return f"CONSTRAINT {self.name} CHECK throwIf({broken}, {quoted(self.rule)}) = 0"


def checks(row: type[Row], policy: Policy) -> list[Check]:
    """Returns the constraints of a table under a policy, in the order of its columns."""
    return [
        Check(name, rule, expression)
        for name, column in columns(row).items()
        if column.guard
        for rule, expression in _GUARDS[column.guard](name, column, policy)
    ]


def constraints(row: type[Row], policy: Policy) -> list[Check]:
    """What a table declares, which accepts what `checks` accept at half the price: its identifiers are one constraint."""
    alone = checks(row, policy)
    together = [each for each in alone if each.rule == Guard.IDENTIFIER and each.column in _made(row.TABLE)]
    if len(together) < 2:
        return alone
    joined = Check(_JOINED, str(Guard.IDENTIFIER), _identifiers([each.column for each in together]))
    return [joined, *(each for each in alone if each not in together)]


@cache
def _made(table: str) -> frozenset[str]:
    """The columns that a table was first made with; those of a later migration have CHECKs of their own."""
    found = (_CREATE.search(part) for each in migrations() for part in each.up.split(";\n"))
    return frozenset(
        name for each in found if each and each["table"] == table for name in _COLUMN.findall(each["columns"])
    )


def with_checks(statement: str, policy: Policy) -> str:
    """Adds the CHECKs of new columns to a CREATE TABLE or an ALTER of a row's table; returns other statements unchanged.

    Each further ALTER of a table takes the engine longer than the table itself: it goes through all of its CHECKs.
    """
    if created := _CREATE.match(statement):
        names = [*_COLUMN.findall(created["columns"]), _JOINED]
        own = _constraints(created["table"], names, policy)
        return ",\n    ".join([created["columns"], *own]) + statement[created.end("columns") :]
    # On a cluster the CHECKs are those of the local tables.
    if (altered := _ALTER.match(statement)) and (altered["local"] or not altered["cluster"]):
        own = _constraints(altered["table"], _ADDED.findall(statement), policy)
        # A migration that was interrupted runs again.
        added = (each.replace("CONSTRAINT", "ADD CONSTRAINT IF NOT EXISTS", 1) for each in own)
        return ",\n    ".join([statement, *added])
    return statement


def _constraints(table: str, names: Container[str], policy: Policy) -> list[str]:
    row = _ROWS.get(table)
    return [check.sql for check in constraints(row, policy) if check.column in names] if row else []


def apply_checks(
    row: type[Row], policy: Policy, *, drop: Iterable[str] = (), keep: Container[str] = (), table: str = ""
) -> str:
    """Returns one ALTER that drops `drop` and adds the policy's constraints except `keep`; empty if nothing changes.

    `table` is what the ALTER names where that is not the row's own table, as on a cluster.
    """
    drops = [f"DROP CONSTRAINT {name}" for name in drop]
    adds = [f"ADD {check.sql}" for check in constraints(row, policy) if check.name not in keep]
    changes = ", ".join([*drops, *adds])
    return f"ALTER TABLE {table or row.TABLE} {changes}" if changes else ""


def fingerprint(policy: Policy) -> str:
    """Returns a digest of all constraints of this version under a policy."""
    rendered = "\n".join(f"{row.TABLE} {check.sql}" for row in ALL_ROWS for check in constraints(row, policy))
    return hashlib.sha256(rendered.encode()).hexdigest()


def violations(row: type[Row], policy: Policy) -> str:
    """Returns a query that counts rows by the rule they break: ClickHouse does not check an `ALTER … UPDATE`."""
    counts = ", ".join(
        f"countIf(NOT ({check.expression})) AS {quoted(check.name, '`')}" for check in checks(row, policy)
    )
    return f"SELECT {counts} FROM {row.TABLE}"  # noqa: S608 - names and patterns of ours


def _identifier(name: str, _: Column, __: Policy) -> ViolatedRules:
    sound = (
        f"lengthUTF8({name}) <= {texts.IDENTIFIER_LENGTH} AND {matches(name, patterns.IDENTIFIER)}"
        f" AND NOT match({name}, {SECRET})"
    )
    yield Guard.IDENTIFIER, f"{name} IN ('', {quoted(texts.REDACTED)}) OR ({sound})"


def _identifiers(names: Sequence[str]) -> str:
    """`_identifier` for all of these columns at once, on their texts one a line.

    No pattern takes a line break: there are as many lines as columns only if no text has one, and a secret
    stands within a line, whose ends are as good as those of a text. `_redacted` is an identifier.
    """
    # Many rows say the same: what follows looks at each text once.
    lines = "toLowCardinality(concat({}))".format(", '\\n', ".join(names))
    pattern = quoted(f"^(?:{patterns.IDENTIFIER})?(?:\n(?:{patterns.IDENTIFIER})?)*$")
    return (
        f"countSubstrings({lines}, '\\n') = {len(names) - 1} AND match({lines}, {pattern})"
        f" AND greatest({', '.join(f'length({name})' for name in names)}) <= {texts.IDENTIFIER_LENGTH}"
        f" AND NOT match({lines}, {SECRET})"
    )


def _tool(name: str, column: Column, policy: Policy) -> ViolatedRules:
    yield from _identifier(name, column, policy)
    stands = f"_({texts.REDACTED[1:]}|{names.UNCONFIRMED[1:]})(_[0-9a-f]{{8}})?|{names.UNKNOWN_TOOL}"
    ran = (
        f"{matches('error_type', patterns.RAN)} AND NOT {matches('error_type', patterns.CALL_AGAIN)}"
        f" AND NOT match(error_type, {quoted(patterns.UNKNOWN_TOOL)})"
    )
    known = f" OR {name} IN {listed(sorted(policy.tools | names.PACKAGED))}"
    no_call = f"operation NOT IN {listed(names.OPERATIONS)} OR (status != 'error' AND error_type = '')"
    shown = f"decision_type IN {listed(column.closed)}" if column.closed else f"{no_call} OR ({ran})"
    yield Guard.TOOL, f"{name} = '' OR {matches(name, stands)} OR {shown}{known}"


def _closed(name: str, column: Column, policy: Policy) -> ViolatedRules:
    if not column.type.startswith("Array"):
        yield column.guard or Guard.CLOSED, f"{name} IN {listed(column.closed)}"
        return
    # A key is a value of the list, a slash, and an identifier.
    ((_, code),) = _identifier("substring(x, position(x, '/') + 1)", column, policy)
    kind = f"substring(x, 1, position(x, '/') - 1) IN {listed(column.closed)}"
    yield Guard.CLOSED, f"arrayAll(x -> {kind} AND ({code}), {name})"


def _hash(name: str, _: Column, __: Policy) -> ViolatedRules:
    yield Guard.HASH, matches(name, patterns.HASH)


def _message(name: str, _: Column, policy: Policy) -> ViolatedRules:
    made = f"{name} = concat(failure_type, ' failure: ', failure_code)"
    kept = (
        f"isValidUTF8({name}) AND lengthUTF8({name}) <= {rules.MESSAGE_LENGTH}"
        f" AND {matches(name, patterns.MESSAGE)} AND NOT match({name}, {SECRET})"
    )
    yield Guard.MESSAGE, f"{made} OR ({kept})" if policy.failure_messages == "keep" else made


def _selected(name: str, _: Column, policy: Policy) -> ViolatedRules:
    yield Guard.SELECTED, text(name, rules.SELECTED_LENGTH)
    yield "label.pattern", matches(name, patterns.LABELS[policy.labels])
    yield "secret.pattern", f"NOT match({name}, {SECRET})"


def _candidates(name: str, _: Column, policy: Policy) -> ViolatedRules:
    each = text("x", rules.CANDIDATE_LENGTH)
    yield Guard.CANDIDATES, f"length({name}) <= {rules.CANDIDATES} AND arrayAll(x -> {each}, {name})"
    yield "label.pattern", f"arrayAll(x -> {matches('x', patterns.LABELS[policy.labels])}, {name})"
    yield "secret.pattern", f"NOT arrayExists(x -> match(x, {SECRET}), {name})"


def _metadata(name: str, _: Column, policy: Policy) -> ViolatedRules:
    keys, values = f"mapKeys({name})", f"mapValues({name})"
    texts_of = f"arrayFilter(t -> isNotNull(t), arrayMap(v -> variantElement(v, 'String'), {values}))"
    letters = f"arrayMap(k -> replaceRegexpAll(lower(k), '[^a-z]', ''), {keys})"
    key = (
        f"lengthUTF8(k) <= {rules.METADATA_KEY_LENGTH} AND {matches('k', patterns.METADATA_KEY)}"
        f" AND NOT match(k, {SECRET})"
    )
    finite = "isFinite(ifNull(variantElement(v, 'Float64'), 0)) AND variantType(v) != 'None'"
    label = matches("assumeNotNull(t)", patterns.LABELS[policy.labels])
    blocked = ", ".join(map(quoted, sorted(rules.BLOCKED_KEYS)))
    yield "metadata.count", f"length({keys}) <= {rules.METADATA_KEYS}"
    yield "metadata.blocked_key", f"NOT hasAny({letters}, [{blocked}])"
    yield "metadata.key", f"arrayAll(k -> {key}, {keys})"
    yield Guard.METADATA, f"arrayAll(v -> {finite}, {values})"
    yield (
        "metadata.length",
        f"arrayAll(t -> lengthUTF8(assumeNotNull(t)) <= {rules.METADATA_LENGTH}, {texts_of})",
    )
    yield "label.pattern", f"arrayAll(t -> isValidUTF8(assumeNotNull(t)) AND {label}, {texts_of})"
    yield "secret.pattern", f"NOT arrayExists(t -> match(assumeNotNull(t), {SECRET}), {texts_of})"


def _decision_type(name: str, _: Column, policy: Policy) -> ViolatedRules:
    yield Guard.DECISION_TYPE, f"{name} IN {listed(policy.vocabulary.decisions)}"


def _reason_code(name: str, column: Column, policy: Policy) -> ViolatedRules:
    table = policy.vocabulary.decisions
    yield Guard.REASON_CODE, _pairs("decision_type", name, column, table.items())


def _signal_type(name: str, _: Column, policy: Policy) -> ViolatedRules:
    yield Guard.SIGNAL_TYPE, f"{name} IN {listed(policy.vocabulary.signals)}"


def _signal_code(name: str, column: Column, policy: Policy) -> ViolatedRules:
    yield Guard.SIGNAL_CODE, _pairs("signal_type", name, column, policy.vocabulary.signals.items())


def _pairs(kind: str, code: str, column: Column, table: Iterable[tuple[str, tuple[str, ...]]]) -> str:
    if column.type.startswith("Array"):
        keys = [f"{name}/{each}" for name, codes in table for each in codes]
        return f"arrayAll(x -> x IN {listed(keys)}, {code})"
    pairs = (f"({quoted(name)}, {quoted(each)})" for name, codes in table for each in codes)
    return f"({kind}, {code}) IN ({', '.join(pairs)})"


def _outcome_failure(name: str, column: Column, _: Policy) -> ViolatedRules:
    stated = f"{name} IN {listed(column.closed)} AND failure_code != '' AND status = 'failure'"
    yield Guard.OUTCOME_FAILURE, f"({name} = '' AND failure_code = '') OR ({stated})"


def _attribute_key(name: str, _: Column, __: Policy) -> ViolatedRules:
    length = f"lengthUTF8({name}) <= {rules.ATTRIBUTE_KEY_LENGTH}"
    yield Guard.ATTRIBUTE_KEY, f"{length} AND {matches(name, patterns.ATTRIBUTE_KEY)}"


def _fraction(name: str, _: Column, __: Policy) -> ViolatedRules:
    rule = "signal.weight" if name == "weight" else "decision.confidence"
    yield rule, f"ifNull({name} >= 0 AND {name} <= 1, 1)"


def _count(name: str, _: Column, __: Policy) -> ViolatedRules:
    yield Guard.COUNT, f"ifNull({name} <= {counts.MOST_COUNTED}, 1)"


_GUARDS: Final[dict[Guard, Callable[[str, Column, Policy], ViolatedRules]]] = {
    Guard.IDENTIFIER: _identifier,
    Guard.CLOSED: _closed,
    Guard.TOOL: _tool,
    Guard.HASH: _hash,
    Guard.MESSAGE: _message,
    Guard.SELECTED: _selected,
    Guard.CANDIDATES: _candidates,
    Guard.METADATA: _metadata,
    Guard.DECISION_TYPE: _decision_type,
    Guard.REASON_CODE: _reason_code,
    Guard.SIGNAL_TYPE: _signal_type,
    Guard.SIGNAL_CODE: _signal_code,
    Guard.FAILURE_TYPE: _closed,
    Guard.ATTRIBUTE_KEY: _attribute_key,
    Guard.FRACTION: _fraction,
    Guard.COUNT: _count,
    Guard.EVALUATION_NAME: evaluation_name,
    Guard.EVALUATION_LABEL: evaluation_label,
    Guard.SCORE: score,
    Guard.OUTCOME_STATUS: _closed,
    Guard.OUTCOME_FAILURE: _outcome_failure,
}
