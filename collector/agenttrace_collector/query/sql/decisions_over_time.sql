-- Decisions over time
-- How many decisions of each type there were in each interval of `step` seconds.
SELECT
    toStartOfInterval(recorded_at, toIntervalSecond({step:UInt32})) AS time,
    decision_type,
    count() AS count,
    uniqExact(run_id) AS runs
FROM decisions
WHERE ${scope}
  AND ${recorded}
  AND ${tool}
  AND ({decision_type:String} = '' OR decision_type = {decision_type:String})
GROUP BY time, decision_type
ORDER BY time, decision_type
