-- The decisions of a run
-- In the order in which they were taken, recorded and derived ones. How long a person made a call wait is told by
-- the decision, or by a span of its own below the call.
WITH
    waits AS
    (
        SELECT assumeNotNull(decision_id) AS decision_id, toNullable(max(toUInt64(round(latency_ms)))) AS waited_ms
        FROM steps
        WHERE tenant = {tenant:String} AND run_id = {run_id:UUID} AND role = 'wrapper' AND decision_id IS NOT NULL
        GROUP BY decision_id
    )
SELECT
    decisions.decision_id AS decision_id, run_id, step_id, decision_type, selected, reason_code, confidence, candidates,
    metadata, tool_name, ifNull(decisions.wait_ms, waits.waited_ms) AS wait_ms, recorded_at, actor, source, rule
FROM decisions
LEFT JOIN waits ON waits.decision_id = decisions.decision_id
WHERE tenant = {tenant:String} AND run_id = {run_id:UUID}
ORDER BY recorded_at, decision_id
