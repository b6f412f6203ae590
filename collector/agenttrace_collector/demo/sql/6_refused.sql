-- Refused, by rule: no value of what was refused is kept
SELECT
    agent_id AS agent,
    kind,
    rule,
    attribute_key AS key,
    count() AS refused
FROM agent_rejections FINAL
GROUP BY agent, kind, rule, key
ORDER BY rule, kind, key
