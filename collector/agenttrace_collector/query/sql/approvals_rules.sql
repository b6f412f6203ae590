-- Rules that decided calls, and those that did not
-- Every rule that ever decided calls of a tool before the end of the range (a rule, mode, hook, reviewer or sandbox;
-- answers of people are none), with how often it did within the range, those that did not (0) first.
SELECT
    agent_id,
    tool_name,
    selected,
    reason_code,
    countIf(recorded_at >= {start_time:DateTime64(6, 'UTC')}) AS count,
    uniqExactIf(run_id, recorded_at >= {start_time:DateTime64(6, 'UTC')}) AS runs,
    min(recorded_at) AS first,
    max(recorded_at) AS last
FROM decisions
WHERE ${scope}
  AND ({source:String} = '' OR source = {source:String})
  AND decision_type = 'approval'
  AND ({tool:String} = '' OR tool_name = {tool:String})
  AND NOT startsWith(reason_code, 'user_')
  AND reason_code != 'unstated'
  AND recorded_at < {end_time:DateTime64(6, 'UTC')}
GROUP BY agent_id, tool_name, selected, reason_code
ORDER BY count, agent_id, tool_name, selected, reason_code
