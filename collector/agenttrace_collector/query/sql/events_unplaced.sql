-- Events whose run is unknown
-- One page of the runs of which only events are stored: their spans come when they end, or they never came. With how
-- many there are on all pages (`total`), the latest first; events of the agent, where one is named.
SELECT
    run_id, argMax(agent_id, at) AS agent_id, countIf(kind = 'decision') AS decisions,
    countIf(kind = 'quality_signal') AS quality_signals, countIf(kind = 'failure') AS failures,
    countIf(kind = 'evaluation') AS evaluations, countIf(kind = 'outcome') AS outcomes,
    count() AS events, min(at) AS first, max(at) AS last, count() OVER () AS total
FROM
(
    SELECT run_id, toString(agent_id) AS agent_id, 'decision' AS kind, recorded_at AS at
    FROM agent_decisions FINAL
    WHERE ${scope}
    UNION ALL
    SELECT run_id, toString(agent_id) AS agent_id, 'quality_signal' AS kind, recorded_at AS at
    FROM agent_quality_signals FINAL
    WHERE ${scope}
    UNION ALL
    SELECT run_id, toString(agent_id) AS agent_id, 'failure' AS kind, occurred_at AS at
    FROM agent_failures FINAL
    WHERE ${scope}
    UNION ALL
    SELECT run_id, toString(agent_id) AS agent_id, 'evaluation' AS kind, recorded_at AS at
    FROM agent_evaluations FINAL
    WHERE ${scope}
    UNION ALL
    SELECT run_id, '' AS agent_id, 'outcome' AS kind, recorded_at AS at
    FROM agent_outcomes FINAL
    WHERE tenant = {tenant:String}
      AND {agent_id:String} = '' AND {agent_version:String} = '' AND {environment:String} = ''
)
WHERE at >= {start_time:DateTime64(6, 'UTC')} AND at < {end_time:DateTime64(6, 'UTC')}
  AND run_id NOT IN (SELECT run_id FROM runs WHERE tenant = {tenant:String})
GROUP BY run_id
ORDER BY last DESC, run_id
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
