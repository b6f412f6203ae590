-- Outcomes of two versions
-- How many runs of either version ended so, and by how much the shares differ.
SELECT
    status AS outcome,
    countIf(agent_version = {version_a:String}) AS version_a_count,
    countIf(agent_version = {version_b:String}) AS version_b_count,
    sum(version_a_count) OVER () AS version_a_runs,
    sum(version_b_count) OVER () AS version_b_runs,
    if(version_a_runs = 0, NULL, version_a_count / version_a_runs) AS version_a_rate,
    if(version_b_runs = 0, NULL, version_b_count / version_b_runs) AS version_b_rate,
    version_b_rate - version_a_rate AS delta
FROM runs
WHERE tenant = {tenant:String}
  AND agent_id = {agent_id:String}
  AND agent_version IN ({version_a:String}, {version_b:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND started_at >= {start_time:DateTime64(6, 'UTC')} AND started_at < {end_time:DateTime64(6, 'UTC')}
GROUP BY status
ORDER BY status
