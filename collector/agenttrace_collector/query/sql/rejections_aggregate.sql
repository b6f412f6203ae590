-- Refused records by rule
-- How many records each rule refused, by kind, attribute key and agent, and when first and last.
SELECT
    kind, rule, attribute_key, agent_id, count() AS count, min(rejected_at) AS first, max(rejected_at) AS last
FROM agent_rejections FINAL
WHERE ${scope}
  AND rejected_at >= {start_time:DateTime64(6, 'UTC')} AND rejected_at < {end_time:DateTime64(6, 'UTC')}
GROUP BY kind, rule, attribute_key, agent_id
ORDER BY count DESC, kind, rule, attribute_key, agent_id
