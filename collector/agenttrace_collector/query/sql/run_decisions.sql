-- The decisions of a run
-- In the order in which they were taken, recorded and derived ones.
SELECT
    decision_id, run_id, step_id, decision_type, selected, reason_code, confidence, candidates, metadata,
    tool_name, wait_ms, recorded_at, actor, source, rule
FROM decisions
WHERE tenant = {tenant:String} AND run_id = {run_id:UUID}
ORDER BY recorded_at, decision_id
