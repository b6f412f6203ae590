-- Runs as settled, and those that are not settled yet as their agents' spans tell, with what has come of their
-- steps so far: wrappers that settling leaves out may count.
CREATE OR REPLACE VIEW runs ${on_cluster} AS
SELECT
    run_id, agent_id, agent_version, environment, status, started_at, ended_at, created_at, tenant, trace_id,
    span_id, parent_run_id, conversation_id, actor, source, error_type, steps, failed_steps, model_calls,
    tool_calls, retrievals, retries, input_tokens, output_tokens, documents, step_ids, true AS settled
FROM run_facts FINAL
WHERE (tenant, run_id) ${everywhere} NOT IN (SELECT tenant, run_id FROM unsettled_runs)
UNION ALL
SELECT
    run_id, top.1 AS agent_id, top.2 AS agent_version, top.3 AS environment,
    multiIf(said != '', said, top.10 IN ('agenttrace', 'api'), last_stated, top.4) AS status,
    first AS started_at, last AS ended_at, made AS created_at, tenant, top.5 AS trace_id, top.6 AS span_id,
    top.7 AS parent_run_id, top.8 AS conversation_id, top.9 AS actor, top.10 AS source, '' AS error_type,
    steps, failed_steps, model_calls, tool_calls, retrievals, retries, input_tokens, output_tokens, documents,
    step_ids, false AS settled
FROM
(
    SELECT
        tenant, run_id, min(started_at) AS first, max(ended_at) AS last, max(created_at) AS made,
        argMin(
            (
                agent_id, agent_version, environment, status, trace_id, span_id, parent_run_id,
                conversation_id, actor, source
            ),
            (started_at, span_id)
        ) AS top,
        -- A run that goes on in a second process ends as the span says that ended last.
        argMaxIf(status, (ended_at, -toUnixTimestamp64Nano(started_at)), source IN ('agenttrace', 'api')) AS last_stated
    FROM agent_runs FINAL
    WHERE (tenant, run_id) ${everywhere} IN (SELECT tenant, run_id FROM unsettled_runs)
    GROUP BY tenant, run_id
) AS unsettled
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
) AS live USING (tenant, run_id)
LEFT JOIN
(
    -- What was said after the end of a run counts for more than what the run said itself.
    SELECT tenant, run_id, argMax(status, (recorded_at, created_at, status, failure_type, failure_code)) AS said
    FROM agent_outcomes FINAL
    WHERE (tenant, run_id) ${everywhere} IN (SELECT tenant, run_id FROM unsettled_runs)
    GROUP BY tenant, run_id
) AS outcomes USING (tenant, run_id);
