-- Decisions by type and reason
-- How often each reason was stated in a range of time, by which versions.
SELECT
    decision_type,
    reason_code,
    count() AS count,
    avg(confidence) AS avg_confidence,
    arraySort(groupUniqArray(agent_version)) AS agent_versions
FROM decisions
WHERE tenant = {tenant:String}
  AND ({agent_id:String} = '' OR agent_id = {agent_id:String})
  AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
GROUP BY decision_type, reason_code
ORDER BY decision_type, reason_code
