-- Runs that are not settled yet as their agents' spans tell; `runs` has them with what has come of their steps.
CREATE OR REPLACE VIEW live_runs ${on_cluster} AS
SELECT
    run_id, top.1 AS agent_id, top.2 AS agent_version, top.3 AS environment,
    multiIf(said != '', said, top.10 IN ('agenttrace', 'api'), last_stated, top.4) AS status,
    first AS started_at, last AS ended_at, made AS created_at, tenant, top.5 AS trace_id, top.6 AS span_id,
    top.7 AS parent_run_id, top.8 AS conversation_id, top.9 AS actor, top.10 AS source
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
    -- What was said after the end of a run counts for more than what the run said itself.
    SELECT tenant, run_id, argMax(status, (recorded_at, created_at, status, failure_type, failure_code)) AS said
    FROM agent_outcomes FINAL
    WHERE (tenant, run_id) ${everywhere} IN (SELECT tenant, run_id FROM unsettled_runs)
    GROUP BY tenant, run_id
) AS outcomes USING (tenant, run_id);
