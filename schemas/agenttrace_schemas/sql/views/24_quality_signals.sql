-- What agents recorded, under their run's agent where they named none, and what their steps show.
CREATE OR REPLACE VIEW quality_signals ${on_cluster} AS
SELECT
    signal_id, run_id, step_id, signal_type, signal_code, value, weight, metadata, recorded_at, created_at,
    tenant, agent_id, agent_version, environment, actor, trace_id, span_id, 'recorded' AS source, '' AS rule
FROM agent_quality_signals FINAL
WHERE agent_id != 'unknown'
UNION ALL
SELECT
    rows.signal_id AS signal_id, rows.run_id AS run_id, rows.step_id AS step_id,
    rows.signal_type AS signal_type, rows.signal_code AS signal_code, rows.value AS value,
    rows.weight AS weight, rows.metadata AS metadata, rows.recorded_at AS recorded_at,
    rows.created_at AS created_at, rows.tenant AS tenant,
    if(facts.agent_id = '', rows.agent_id, facts.agent_id) AS agent_id, rows.agent_version AS agent_version,
    rows.environment AS environment, rows.actor AS actor, rows.trace_id AS trace_id, rows.span_id AS span_id,
    'recorded' AS source, '' AS rule
FROM (SELECT * FROM agent_quality_signals FINAL WHERE agent_id = 'unknown') AS rows
LEFT JOIN
(
    SELECT tenant, run_id, agent_id
    FROM run_facts FINAL
    WHERE run_id ${everywhere} IN (SELECT run_id FROM agent_quality_signals WHERE agent_id = 'unknown')
) AS facts ON facts.tenant = rows.tenant AND facts.run_id = rows.run_id
UNION ALL
SELECT
    signal_id, run_id, step_id, signal_type, signal_code, value, weight, metadata, recorded_at, created_at,
    tenant, agent_id, agent_version, environment, actor, trace_id, span_id, 'derived' AS source, rule
FROM derived_signals FINAL;
