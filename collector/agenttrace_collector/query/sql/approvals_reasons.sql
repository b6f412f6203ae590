-- Reasons for which calls were let through or denied
-- How often each tool's calls were decided so for each stated reason, in how many runs, and how long they waited
-- where that was told.
WITH
    ${approvals}
SELECT
    agent_id, agent_version, tool_name, selected, reason_code,
    count() AS count,
    uniqExact(run_id) AS runs,
    countIf(isNotNull(wait_ms)) AS waits,
    if(waits = 0, NULL, quantileExactIf(0.5)(ifNull(wait_ms, 0), isNotNull(wait_ms))) AS wait_p50_ms,
    max(wait_ms) AS wait_max_ms
FROM approvals
GROUP BY agent_id, agent_version, tool_name, selected, reason_code
ORDER BY count DESC, agent_id, agent_version, tool_name, selected, reason_code
