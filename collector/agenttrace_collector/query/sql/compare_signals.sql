-- Quality signals of two versions
-- In which share of its occurrences each code was true, by version, and by how much that differs.
SELECT
    signal_type,
    signal_code,
    countIf(agent_version = {version_a:String}) AS version_a_count,
    countIf(agent_version = {version_b:String}) AS version_b_count,
    if(version_a_count = 0, NULL, countIf(value AND agent_version = {version_a:String}) / version_a_count) AS version_a_true_rate,
    if(version_b_count = 0, NULL, countIf(value AND agent_version = {version_b:String}) / version_b_count) AS version_b_true_rate,
    version_b_true_rate - version_a_true_rate AS delta
FROM quality_signals
WHERE tenant = {tenant:String}
  AND agent_id = {agent_id:String}
  AND agent_version IN ({version_a:String}, {version_b:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({source:String} = '' OR source = {source:String})
  AND ({tool:String} = '' OR step_id IN (SELECT step_id FROM steps WHERE tenant = {tenant:String} AND tool_name = {tool:String}))
  AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
GROUP BY signal_type, signal_code
ORDER BY signal_type, signal_code
