-- What agents recorded, under their run's agent where they named none, and what their steps show.
CREATE OR REPLACE VIEW decisions ${on_cluster} AS
SELECT
    decision_id, run_id, step_id, decision_type, selected, reason_code, confidence, metadata, recorded_at,
    created_at, tenant, agent_id, agent_version, environment, actor, candidates, trace_id, span_id,
    tool_name, wait_ms, 'recorded' AS source, '' AS rule
FROM agent_decisions FINAL
WHERE agent_id != 'unknown'
UNION ALL
SELECT
    rows.decision_id AS decision_id, rows.run_id AS run_id, rows.step_id AS step_id,
    rows.decision_type AS decision_type, rows.selected AS selected, rows.reason_code AS reason_code,
    rows.confidence AS confidence, rows.metadata AS metadata, rows.recorded_at AS recorded_at,
    rows.created_at AS created_at, rows.tenant AS tenant,
    if(facts.agent_id = '', rows.agent_id, facts.agent_id) AS agent_id, rows.agent_version AS agent_version,
    rows.environment AS environment, rows.actor AS actor, rows.candidates AS candidates,
    rows.trace_id AS trace_id, rows.span_id AS span_id,
    rows.tool_name AS tool_name, rows.wait_ms AS wait_ms, 'recorded' AS source, '' AS rule
FROM (SELECT * FROM agent_decisions FINAL WHERE agent_id = 'unknown') AS rows
LEFT JOIN
(
    SELECT tenant, run_id, agent_id
    FROM run_facts FINAL
    WHERE run_id ${everywhere} IN (SELECT run_id FROM agent_decisions WHERE agent_id = 'unknown')
) AS facts ON facts.tenant = rows.tenant AND facts.run_id = rows.run_id
UNION ALL
SELECT
    decision_id, run_id, step_id, decision_type, selected, reason_code, confidence, metadata, recorded_at,
    created_at, tenant, agent_id, agent_version, environment, actor, candidates, trace_id, span_id,
    tool_name, wait_ms, 'derived' AS source, rule
FROM derived_decisions FINAL;
