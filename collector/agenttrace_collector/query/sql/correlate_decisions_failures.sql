-- Failures that came after a decision
-- In how many runs with a reason a failure came after it, and any failure at all; failures by type are those after it.
WITH
    wanted AS
    (
        SELECT run_id, decision_type, reason_code, count() AS occurrences, min(recorded_at) AS first
        FROM decisions
        WHERE tenant = {tenant:String}
          AND ({agent_id:String} = '' OR agent_id = {agent_id:String})
          AND ({agent_version:String} = '' OR agent_version = {agent_version:String})
          AND ({environment:String} = '' OR environment = {environment:String})
          AND ({source:String} = '' OR source = {source:String})
          AND ({tool:String} = '' OR step_id IN (SELECT step_id FROM steps WHERE tenant = {tenant:String} AND tool_name = {tool:String}))
          AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
        GROUP BY run_id, decision_type, reason_code
    ),
    failed AS
    (
        SELECT run_id, groupArray((toString(failure_type), occurred_at)) AS happened
        FROM failures
        WHERE tenant = {tenant:String}
          AND ({failure_type:String} = '' OR failure_type = {failure_type:String})
          AND run_id IN (SELECT run_id FROM wanted)
        GROUP BY run_id
    )
SELECT
    decision_type,
    reason_code,
    sum(occurrences) AS total_occurrences,
    count() AS runs,
    countIf(notEmpty(after)) AS runs_with_failures,
    runs_with_failures / runs AS correlation_rate,
    countIf(notEmpty(happened)) AS runs_with_failures_in_any_order,
    runs_with_failures_in_any_order / runs AS rate_in_any_order,
    sumMap(arrayDistinct(after.1), arrayMap(each -> toUInt64(1), arrayDistinct(after.1))) AS by_type,
    CAST((by_type.1, by_type.2), 'Map(String, UInt64)') AS associated_failure_types
FROM
(
    SELECT
        decision_type, reason_code, occurrences, happened,
        arrayFilter(each -> each.2 >= first, happened) AS after
    FROM wanted
    LEFT JOIN failed ON failed.run_id = wanted.run_id
)
GROUP BY decision_type, reason_code
ORDER BY decision_type, reason_code
