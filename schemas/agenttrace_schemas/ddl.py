"""The whole schema as one script: for a database that is made by other means than `agenttrace migrate`.

The cluster's is a template: it is parsed by the engine in the tests and was not run, as no Keeper is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agenttrace_schemas.checks import apply_checks, fingerprint
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.migrations import (
    LEDGER,
    Profile,
    ledger_entry,
    migrations,
    statements,
    stored_table,
    views,
)
from agenttrace_schemas.retention import COUNTED, apply_expiry, counted_since, expiries
from agenttrace_schemas.rules import Policy


def script(profile: Profile, policy: Policy, ttl: Mapping[str, float | None]) -> Iterator[str]:
    """Every statement in order, for an empty database: tables, CHECKs, TTLs, views, and the record of them."""
    yield from statements(LEDGER, profile)
    for migration in migrations():
        yield from statements(migration.up, profile)
    for row in ALL_ROWS:
        yield apply_checks(row, policy, table=stored_table(row.TABLE, profile))
    for table, expiry in expiries(ttl).items():
        if expiry:
            yield apply_expiry(stored_table(table, profile), expiry)
    for kind in ("runs", *COUNTED):
        if age := ttl.get(kind):
            yield counted_since(kind, 0, int(age))
    for view in views().values():
        yield from statements(view, profile)
    for migration in migrations():
        yield ledger_entry(migration.version, migration.name, migration.checksum, "up")
    yield ledger_entry(0, "checks", fingerprint(policy), "checks")
