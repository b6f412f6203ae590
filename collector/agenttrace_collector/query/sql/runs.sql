-- Runs, the latest first
-- One page of the runs that began in a range of time, with how many there are on all pages (`total`).
WITH
    (
        SELECT count()
        FROM runs
        WHERE ${scope}
          AND ${started}
          AND ${tool}
          AND ({status:String} = '' OR status = {status:String})
    ) AS found
SELECT
    run_id, agent_id, agent_version, environment, status, started_at, ended_at, created_at, trace_id,
    parent_run_id, conversation_id, actor, source, error_type, steps, failed_steps, model_calls, tool_calls,
    retrievals, retries, input_tokens, output_tokens, documents, settled, assumeNotNull(found) AS total
FROM runs
WHERE ${scope}
  AND ${started}
  AND ${tool}
  AND ({status:String} = '' OR status = {status:String})
ORDER BY started_at DESC, run_id
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
