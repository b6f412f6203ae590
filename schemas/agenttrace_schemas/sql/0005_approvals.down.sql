ALTER TABLE agent_steps ${on_cluster}
    DROP COLUMN IF EXISTS call_id,
    DROP COLUMN IF EXISTS cache_read_tokens,
    DROP COLUMN IF EXISTS cache_write_tokens,
    DROP COLUMN IF EXISTS cost_nano_usd;
ALTER TABLE settled_steps ${on_cluster}
    DROP COLUMN IF EXISTS call_id,
    DROP COLUMN IF EXISTS cache_read_tokens,
    DROP COLUMN IF EXISTS cache_write_tokens,
    DROP COLUMN IF EXISTS cost_nano_usd;
ALTER TABLE agent_decisions ${on_cluster}
    DROP COLUMN IF EXISTS tool_name,
    DROP COLUMN IF EXISTS wait_ms;
ALTER TABLE derived_decisions ${on_cluster}
    DROP COLUMN IF EXISTS tool_name,
    DROP COLUMN IF EXISTS wait_ms;
