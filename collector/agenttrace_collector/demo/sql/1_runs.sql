-- Runs by agent and status
SELECT
    agent_id AS agent,
    agent_version AS version,
    uniqExact(run_id) AS runs,
    countIf(status = 'success') AS success,
    countIf(status = 'failure') AS failure,
    countIf(status = 'partial') AS partial
FROM agent_runs FINAL
GROUP BY agent, version
ORDER BY runs DESC, agent
