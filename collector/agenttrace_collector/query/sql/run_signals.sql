-- The quality signals of a run
-- In the order in which they were observed, recorded and derived ones.
SELECT
    signal_id, run_id, step_id, signal_type, signal_code, value, weight, metadata, recorded_at, actor, source, rule
FROM quality_signals
WHERE tenant = {tenant:String} AND run_id = {run_id:UUID}
ORDER BY recorded_at, signal_id
