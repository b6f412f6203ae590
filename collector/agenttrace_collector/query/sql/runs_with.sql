-- Runs in which something stands
-- The latest runs with a decision, a quality signal or a failure of a type and code; what is empty filters nothing.
SELECT
    run_id, agent_id, agent_version, environment, status, started_at, ended_at, error_type, steps, failed_steps,
    retries, settled, count() OVER () AS total
FROM runs
WHERE ${scope}
  AND ${started}
  AND ({status:String} = '' OR status = {status:String})
  AND ({decision_type:String} = '' OR run_id IN (
      SELECT run_id FROM decisions
      WHERE tenant = {tenant:String} AND decision_type = {decision_type:String} AND reason_code = {code:String}))
  AND ({signal_type:String} = '' OR run_id IN (
      SELECT run_id FROM quality_signals
      WHERE tenant = {tenant:String} AND signal_type = {signal_type:String} AND signal_code = {code:String} AND value))
  AND ({failure_type:String} = '' OR run_id IN (
      SELECT run_id FROM failures
      WHERE tenant = {tenant:String} AND failure_type = {failure_type:String} AND failure_code = {code:String}))
ORDER BY started_at DESC, run_id
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
