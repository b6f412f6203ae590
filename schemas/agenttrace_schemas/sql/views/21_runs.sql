-- Runs as settled, and those that are not settled yet, with what has come of their steps so far: wrappers that
-- settling leaves out may count.
CREATE OR REPLACE VIEW runs ${on_cluster} AS
SELECT
    run_id, agent_id, agent_version, environment, status, started_at, ended_at, created_at, tenant, trace_id,
    span_id, parent_run_id, conversation_id, actor, source, error_type, steps, failed_steps, model_calls,
    tool_calls, retrievals, retries, input_tokens, output_tokens, documents, step_ids, true AS settled
FROM run_facts FINAL
WHERE (tenant, run_id) ${everywhere} NOT IN (SELECT tenant, run_id FROM unsettled_runs)
UNION ALL
SELECT
    run_id, agent_id, agent_version, environment, status, started_at, ended_at, created_at, tenant, trace_id,
    span_id, parent_run_id, conversation_id, actor, source, '' AS error_type, steps, failed_steps, model_calls,
    tool_calls, retrievals, retries, input_tokens, output_tokens, documents, step_ids, false AS settled
FROM live_runs
LEFT JOIN
(
    SELECT
        tenant, run_id,
        toUInt32(count()) AS steps,
        toUInt32(countIf(status = 'error')) AS failed_steps,
        toUInt32(countIf(operation IN ('chat', 'text_completion', 'generate_content'))) AS model_calls,
        toUInt32(countIf(operation = 'execute_tool')) AS tool_calls,
        toUInt32(countIf(operation = 'retrieval')) AS retrievals,
        toUInt32(countIf(attempt > 1)) AS retries,
        sum(ifNull(s.input_tokens, 0)) AS input_tokens,
        sum(ifNull(s.output_tokens, 0)) AS output_tokens,
        sumIf(retrieval_count, operation = 'retrieval') AS documents,
        groupArray(step_id) AS step_ids
    FROM agent_steps AS s FINAL
    WHERE role = 'leaf' AND (tenant, run_id) ${everywhere} IN (SELECT tenant, run_id FROM unsettled_runs)
    GROUP BY tenant, run_id
) AS live USING (tenant, run_id);
