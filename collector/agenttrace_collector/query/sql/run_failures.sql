-- The failures of a run
-- In the order in which they occurred, recorded and derived ones.
SELECT
    failure_id, run_id, step_id, failure_type, failure_code, message, occurred_at, metadata, source, rule
FROM failures
WHERE tenant = {tenant:String} AND run_id = {run_id:UUID}
ORDER BY occurred_at, failure_id
