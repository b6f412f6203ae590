-- Steps as settled, and those of runs that are not settled yet as they arrived.
CREATE OR REPLACE VIEW steps ${on_cluster} AS
SELECT
    step_id, run_id, seq, step_type, name, latency_ms, started_at, ended_at, metadata, created_at, tenant,
    agent_id, agent_version, environment, actor, trace_id, span_id, parent_span_id, role, operation, status,
    error_type, tool_name, model, response_model, input_tokens, output_tokens, retrieval_count,
    finish_reason, stream, output_type, attempt, conversation_id, source,
    call_id, cache_read_tokens, cache_write_tokens, cost_nano_usd, decision_id, true AS settled
FROM settled_steps FINAL
WHERE (tenant, run_id) ${everywhere} NOT IN (SELECT tenant, run_id FROM unsettled_runs)
UNION ALL
SELECT
    step_id, run_id, seq, step_type, name, latency_ms, started_at, ended_at, metadata, created_at, tenant,
    agent_id, agent_version, environment, actor, trace_id, span_id, parent_span_id, role, operation, status,
    error_type, tool_name, model, response_model, input_tokens, output_tokens, retrieval_count,
    finish_reason, stream, output_type, attempt, conversation_id, source,
    call_id, cache_read_tokens, cache_write_tokens, cost_nano_usd, decision_id, false AS settled
FROM agent_steps FINAL
WHERE (tenant, run_id) ${everywhere} IN (SELECT tenant, run_id FROM unsettled_runs);
