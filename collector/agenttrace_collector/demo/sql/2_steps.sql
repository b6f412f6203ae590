-- Steps by agent and type
SELECT
    agent_id AS agent,
    step_type AS step,
    count() AS steps,
    countIf(status = 'error') AS errors,
    countIf(retrieval_count = 0) AS found_nothing,
    sum(input_tokens) + sum(output_tokens) AS tokens
FROM agent_steps FINAL
WHERE role = 'leaf'
GROUP BY agent, step
ORDER BY steps DESC, agent, step
