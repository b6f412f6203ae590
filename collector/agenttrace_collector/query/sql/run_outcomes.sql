-- How a run ended, as said after its end
-- In the order in which it was said; the last one counts.
SELECT
    outcome_id, run_id, status, failure_type, failure_code, recorded_at
FROM agent_outcomes FINAL
WHERE tenant = {tenant:String} AND run_id = {run_id:UUID}
ORDER BY recorded_at, created_at, status, failure_type, failure_code
