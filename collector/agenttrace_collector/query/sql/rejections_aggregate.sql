-- Refused records by rule
-- How many records each rule refused, by kind and attribute key, and when first and last.
SELECT kind, rule, attribute_key, count() AS count, min(rejected_at) AS first, max(rejected_at) AS last
FROM agent_rejections FINAL
WHERE tenant = {tenant:String}
  AND ({agent_id:String} = '' OR agent_id = {agent_id:String})
  AND ({agent_version:String} = '' OR agent_version = {agent_version:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND rejected_at >= {start_time:DateTime64(6, 'UTC')} AND rejected_at < {end_time:DateTime64(6, 'UTC')}
GROUP BY kind, rule, attribute_key
ORDER BY count DESC, kind, rule, attribute_key
