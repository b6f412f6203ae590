-- The evaluations of a run
-- In the order in which they were recorded.
SELECT
    evaluation_id, run_id, step_id, name, score, label, error_type, metadata, recorded_at, actor
FROM evaluations
WHERE tenant = {tenant:String} AND run_id = {run_id:UUID}
ORDER BY recorded_at, evaluation_id
