-- One run
-- The run of an id, none where there is none.
SELECT
    run_id, agent_id, agent_version, environment, status, started_at, ended_at, created_at, trace_id,
    parent_run_id, conversation_id, actor, source, error_type, steps, failed_steps, model_calls, tool_calls,
    retrievals, retries, input_tokens, output_tokens, documents, settled
FROM runs
WHERE tenant = {tenant:String} AND run_id = {run_id:UUID}
LIMIT 1
