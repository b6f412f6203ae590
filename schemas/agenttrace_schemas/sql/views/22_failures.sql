-- What agents recorded, under their run's agent where they named none, and what their steps show.
CREATE OR REPLACE VIEW failures ${on_cluster} AS
SELECT
    failure_id, run_id, step_id, failure_type, failure_code, message, created_at, tenant, agent_id,
    agent_version, environment, occurred_at, metadata, 'recorded' AS source, '' AS rule
FROM agent_failures FINAL
WHERE agent_id != 'unknown'
UNION ALL
SELECT
    rows.failure_id AS failure_id, rows.run_id AS run_id, rows.step_id AS step_id,
    rows.failure_type AS failure_type, rows.failure_code AS failure_code, rows.message AS message,
    rows.created_at AS created_at, rows.tenant AS tenant,
    if(facts.agent_id = '', rows.agent_id, facts.agent_id) AS agent_id, rows.agent_version AS agent_version,
    rows.environment AS environment, rows.occurred_at AS occurred_at, rows.metadata AS metadata,
    'recorded' AS source, '' AS rule
FROM (SELECT * FROM agent_failures FINAL WHERE agent_id = 'unknown') AS rows
LEFT JOIN
(
    SELECT tenant, run_id, agent_id
    FROM run_facts FINAL
    WHERE run_id ${everywhere} IN (SELECT run_id FROM agent_failures WHERE agent_id = 'unknown')
) AS facts ON facts.tenant = rows.tenant AND facts.run_id = rows.run_id
UNION ALL
SELECT
    failure_id, run_id, step_id, failure_type, failure_code, message, created_at, tenant, agent_id,
    agent_version, environment, occurred_at, metadata, 'derived' AS source, rule
FROM derived_failures FINAL;
