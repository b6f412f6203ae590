-- What others measured, under their run's agent, version and environment where they named no agent.
CREATE OR REPLACE VIEW evaluations ${on_cluster} AS
SELECT
    evaluation_id, run_id, step_id, name, score, label, error_type, metadata, recorded_at, created_at, tenant,
    agent_id, agent_version, environment, actor, trace_id, span_id, 'recorded' AS source
FROM agent_evaluations FINAL
WHERE agent_id != 'unknown'
UNION ALL
SELECT
    rows.evaluation_id AS evaluation_id, rows.run_id AS run_id, rows.step_id AS step_id, rows.name AS name,
    rows.score AS score, rows.label AS label, rows.error_type AS error_type, rows.metadata AS metadata,
    rows.recorded_at AS recorded_at, rows.created_at AS created_at, rows.tenant AS tenant,
    if(facts.agent_id = '', rows.agent_id, facts.agent_id) AS agent_id,
    if(facts.agent_id = '', rows.agent_version, facts.agent_version) AS agent_version,
    if(facts.agent_id = '', rows.environment, facts.environment) AS environment,
    rows.actor AS actor, rows.trace_id AS trace_id, rows.span_id AS span_id, 'recorded' AS source
FROM (SELECT * FROM agent_evaluations FINAL WHERE agent_id = 'unknown') AS rows
LEFT JOIN
(
    SELECT tenant, run_id, agent_id, agent_version, environment
    FROM run_facts FINAL
    WHERE run_id ${everywhere} IN (SELECT run_id FROM agent_evaluations WHERE agent_id = 'unknown')
) AS facts ON facts.tenant = rows.tenant AND facts.run_id = rows.run_id;
