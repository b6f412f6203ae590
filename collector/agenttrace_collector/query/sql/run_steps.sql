-- The steps of a run
-- In their order; of a run that is not settled those that have arrived.
SELECT
    step_id, run_id, seq, step_type, name, latency_ms, started_at, ended_at, metadata, actor, role, operation,
    status, error_type, tool_name, model, input_tokens, output_tokens, retrieval_count, finish_reason, stream,
    output_type, attempt, cache_read_tokens, cache_write_tokens, cost_nano_usd, decision_id, source, settled
FROM steps
WHERE tenant = {tenant:String} AND run_id = {run_id:UUID}
ORDER BY started_at, seq, step_id
