-- Tools and how their calls were decided
-- Of the decisions on calls of each tool: how many let them through, how many denied them, and how many a person
-- took (reasons `user_*`; those that state no reason are in neither part of that share). Shares with an interval
-- are of the runs that asked for the tool. Where every decision of a tool let the call through
-- (`always_allowed`), `denied_run_rate_high` is the bound up to which a share of runs with a denial agrees with that.
WITH
    ${statistics},
    ${approvals},
    counted AS
    (
        SELECT
            agent_id, agent_version, tool_name,
            count() AS decided,
            countIf(selected = 'allow') AS allowed,
            countIf(selected = 'deny') AS denied,
            countIf(by_person) AS asked,
            countIf(reason_code = 'unstated') AS unstated,
            toFloat64(uniqExact(run_id)) AS n,
            toFloat64(uniqExactIf(run_id, selected = 'deny')) AS k,
            toFloat64(uniqExactIf(run_id, by_person)) AS p,
            countIf(isNotNull(wait_ms)) AS waits,
            quantileExactIf(0.5)(ifNull(wait_ms, 0), isNotNull(wait_ms)) AS middle,
            quantileExactIf(0.95)(ifNull(wait_ms, 0), isNotNull(wait_ms)) AS late,
            sum(wait_ms) AS waited
        FROM approvals
        GROUP BY agent_id, agent_version, tool_name
    )
SELECT
    agent_id, agent_version, tool_name, decided, allowed, denied, asked, unstated,
    share(denied, decided) AS denied_share,
    share(asked, decided - unstated) AS asked_share,
    toUInt64(n) AS runs,
    toUInt64(k) AS denied_runs, share(k, n) AS denied_run_rate,
    wilson_low(k, n) AS denied_run_rate_low, wilson_high(k, n) AS denied_run_rate_high,
    toUInt64(p) AS asked_runs, share(p, n) AS asked_run_rate,
    wilson_low(p, n) AS asked_run_rate_low, wilson_high(p, n) AS asked_run_rate_high,
    allowed = decided AS always_allowed,
    waits, if(waits = 0, NULL, middle) AS wait_p50_ms, if(waits = 0, NULL, late) AS wait_p95_ms,
    if(waits = 0, NULL, waited) AS wait_total_ms
FROM counted
ORDER BY decided DESC, agent_id, agent_version, tool_name
