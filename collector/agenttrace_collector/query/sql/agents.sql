-- Agents and their versions
-- Who ran in a range of time, in which version and environment: for menus of filters.
SELECT agent_id, agent_version, environment, count() AS runs, min(started_at) AS first, max(started_at) AS last
FROM ${heads}
WHERE tenant = {tenant:String}
  AND ${started}
GROUP BY agent_id, agent_version, environment
ORDER BY agent_id, agent_version, environment
