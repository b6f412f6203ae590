-- Decisions by type and reason
-- How often each reason was stated in a range of time, by which versions.
SELECT
    decision_type,
    reason_code,
    count() AS count,
    avg(confidence) AS avg_confidence,
    arraySort(groupUniqArray(agent_version)) AS agent_versions,
    uniqExact(run_id) AS runs
FROM decisions
WHERE tenant = {tenant:String}
  AND ({agent_id:String} = '' OR agent_id = {agent_id:String})
  AND ({agent_version:String} = '' OR agent_version = {agent_version:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({source:String} = '' OR source = {source:String})
  AND ({decision_type:String} = '' OR decision_type = {decision_type:String})
  AND ({tool:String} = '' OR step_id IN (SELECT step_id FROM steps WHERE tenant = {tenant:String} AND tool_name = {tool:String}))
  AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
GROUP BY decision_type, reason_code
ORDER BY decision_type, reason_code
