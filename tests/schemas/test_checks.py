"""CHECKs come with the statement that adds their column."""

from __future__ import annotations

from agenttrace_schemas.checks import apply_checks, checks, with_checks
from agenttrace_schemas.rows import SpanLinkRow
from agenttrace_schemas.rules import Policy


def test_the_checks_of_columns_that_a_table_lacks_are_added_later() -> None:
    """A migration that adds columns to a table which an earlier one has just made."""
    create = "CREATE TABLE IF NOT EXISTS span_links\n(\n    run_id UUID\n)\nENGINE = MergeTree"
    assert with_checks(create, Policy()) == create
    assert apply_checks(SpanLinkRow, Policy()).startswith(
        "ALTER TABLE span_links ADD CONSTRAINT check_tenant"
    )
    assert (
        apply_checks(SpanLinkRow, Policy(), keep=[each.name for each in checks(SpanLinkRow, Policy())]) == ""
    )


def test_columns_that_are_added_bring_their_checks() -> None:
    """Those of a cluster's local tables; a Distributed table has none."""
    added = "ADD COLUMN IF NOT EXISTS tool_name LowCardinality(String)"
    check = "ADD CONSTRAINT IF NOT EXISTS check_tool_name_identifier_pattern CHECK"
    for table in ("agent_decisions", "agent_decisions_local ON CLUSTER 'c'"):
        assert check in with_checks(f"ALTER TABLE {table}\n    {added}", Policy())
    distributed = f"ALTER TABLE agent_decisions ON CLUSTER 'c'\n    {added}"
    assert with_checks(distributed, Policy()) == distributed
