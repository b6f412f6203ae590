-- Quality signals by type and code
-- How often each code was observed as true and as false in a range of time.
SELECT
    signal_type,
    signal_code,
    countIf(value) AS true_count,
    countIf(NOT value) AS false_count,
    round(100 * countIf(value) / count(), 4) AS true_percentage,
    uniqExact(run_id) AS runs
FROM quality_signals
WHERE tenant = {tenant:String}
  AND ({agent_id:String} = '' OR agent_id = {agent_id:String})
  AND ({agent_version:String} = '' OR agent_version = {agent_version:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({source:String} = '' OR source = {source:String})
  AND ({signal_type:String} = '' OR signal_type = {signal_type:String})
  AND ({tool:String} = '' OR step_id IN (SELECT step_id FROM steps WHERE tenant = {tenant:String} AND tool_name = {tool:String}))
  AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
GROUP BY signal_type, signal_code
ORDER BY signal_type, signal_code
