-- The CHECKs of a column go before it.
ALTER TABLE agent_steps ${on_cluster}
    DROP CONSTRAINT IF EXISTS check_cache_read_tokens_count_range,
    DROP CONSTRAINT IF EXISTS check_cache_write_tokens_count_range,
    DROP CONSTRAINT IF EXISTS check_cost_nano_usd_count_range,
    DROP COLUMN IF EXISTS call_id,
    DROP COLUMN IF EXISTS cache_read_tokens,
    DROP COLUMN IF EXISTS cache_write_tokens,
    DROP COLUMN IF EXISTS cost_nano_usd;
ALTER TABLE settled_steps ${on_cluster}
    DROP CONSTRAINT IF EXISTS check_cache_read_tokens_count_range,
    DROP CONSTRAINT IF EXISTS check_cache_write_tokens_count_range,
    DROP CONSTRAINT IF EXISTS check_cost_nano_usd_count_range,
    DROP COLUMN IF EXISTS call_id,
    DROP COLUMN IF EXISTS cache_read_tokens,
    DROP COLUMN IF EXISTS cache_write_tokens,
    DROP COLUMN IF EXISTS cost_nano_usd;
ALTER TABLE agent_decisions ${on_cluster}
    DROP CONSTRAINT IF EXISTS check_tool_name_identifier_pattern,
    DROP CONSTRAINT IF EXISTS check_tool_name_tool_confirmed,
    DROP CONSTRAINT IF EXISTS check_wait_ms_count_range,
    DROP COLUMN IF EXISTS tool_name,
    DROP COLUMN IF EXISTS wait_ms;
ALTER TABLE derived_decisions ${on_cluster}
    DROP CONSTRAINT IF EXISTS check_tool_name_identifier_pattern,
    DROP CONSTRAINT IF EXISTS check_tool_name_tool_confirmed,
    DROP CONSTRAINT IF EXISTS check_wait_ms_count_range,
    DROP COLUMN IF EXISTS tool_name,
    DROP COLUMN IF EXISTS wait_ms;
