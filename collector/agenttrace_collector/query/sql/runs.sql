-- Runs, the latest first
-- One page of the runs that began in a range of time, with how many there are on all pages (`total`).
WITH
    {agent_id:String} AS wanted_agent,
    {agent_version:String} AS wanted_version,
    {environment:String} AS wanted_environment,
    {status:String} AS wanted_status,
    (
        SELECT count()
        FROM runs
        WHERE tenant = {tenant:String}
          AND (wanted_agent = '' OR agent_id = wanted_agent)
          AND (wanted_version = '' OR agent_version = wanted_version)
          AND (wanted_environment = '' OR environment = wanted_environment)
          AND (wanted_status = '' OR status = wanted_status)
          AND started_at >= {start_time:DateTime64(6, 'UTC')} AND started_at < {end_time:DateTime64(6, 'UTC')}
    ) AS found
SELECT
    run_id, agent_id, agent_version, environment, status, started_at, ended_at, created_at, trace_id,
    parent_run_id, conversation_id, actor, source, error_type, steps, failed_steps, model_calls, tool_calls,
    retrievals, retries, input_tokens, output_tokens, documents, settled, assumeNotNull(found) AS total
FROM runs
WHERE tenant = {tenant:String}
  AND (wanted_agent = '' OR agent_id = wanted_agent)
  AND (wanted_version = '' OR agent_version = wanted_version)
  AND (wanted_environment = '' OR environment = wanted_environment)
  AND (wanted_status = '' OR status = wanted_status)
  AND started_at >= {start_time:DateTime64(6, 'UTC')} AND started_at < {end_time:DateTime64(6, 'UTC')}
ORDER BY started_at DESC, run_id
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
