-- Decisions of two versions
-- How often each reason was stated by either version, and by how much the second differs from the first.
SELECT
    decision_type,
    reason_code,
    countIf(agent_version = {version_a:String}) AS version_a_count,
    countIf(agent_version = {version_b:String}) AS version_b_count,
    if(
        version_a_count = 0,
        NULL,
        round(100 * (toInt64(version_b_count) - toInt64(version_a_count)) / version_a_count, 4)
    ) AS delta_percentage
FROM decisions
WHERE tenant = {tenant:String}
  AND agent_id = {agent_id:String}
  AND agent_version IN ({version_a:String}, {version_b:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({source:String} = '' OR source = {source:String})
  AND ({tool:String} = '' OR step_id IN (SELECT step_id FROM steps WHERE tenant = {tenant:String} AND tool_name = {tool:String}))
  AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
GROUP BY decision_type, reason_code
ORDER BY decision_type, reason_code
