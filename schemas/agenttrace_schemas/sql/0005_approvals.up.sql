-- The tool that an approval is about; one call told by several records; tokens of caches and cost as emitted.
-- requires: agent_steps(step_id, source)
-- requires: agent_decisions(decision_id, span_id)
-- requires: settled_steps(step_id, source)
-- requires: derived_decisions(decision_id, rule)

ALTER TABLE agent_steps ${on_cluster}
    ADD COLUMN IF NOT EXISTS call_id Nullable(UUID),
    ADD COLUMN IF NOT EXISTS cache_read_tokens Nullable(UInt64),
    ADD COLUMN IF NOT EXISTS cache_write_tokens Nullable(UInt64),
    ADD COLUMN IF NOT EXISTS cost_nano_usd Nullable(UInt64);

ALTER TABLE settled_steps ${on_cluster}
    ADD COLUMN IF NOT EXISTS call_id Nullable(UUID),
    ADD COLUMN IF NOT EXISTS cache_read_tokens Nullable(UInt64),
    ADD COLUMN IF NOT EXISTS cache_write_tokens Nullable(UInt64),
    ADD COLUMN IF NOT EXISTS cost_nano_usd Nullable(UInt64);

ALTER TABLE agent_decisions ${on_cluster}
    ADD COLUMN IF NOT EXISTS tool_name LowCardinality(String),
    ADD COLUMN IF NOT EXISTS wait_ms Nullable(UInt64);

ALTER TABLE derived_decisions ${on_cluster}
    ADD COLUMN IF NOT EXISTS tool_name LowCardinality(String),
    ADD COLUMN IF NOT EXISTS wait_ms Nullable(UInt64);
