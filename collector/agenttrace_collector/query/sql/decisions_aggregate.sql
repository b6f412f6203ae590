-- Decisions by type and reason
-- How often each reason was stated in a range of time, in how many runs, by which versions.
SELECT
    decision_type,
    reason_code,
    count() AS count,
    avg(confidence) AS avg_confidence,
    arraySort(groupUniqArray(agent_version)) AS agent_versions,
    uniqExact(run_id) AS runs
FROM decisions
WHERE ${scope}
  AND ${recorded}
  AND ${tool}
  AND ({decision_type:String} = '' OR decision_type = {decision_type:String})
GROUP BY decision_type, reason_code
ORDER BY decision_type, reason_code
