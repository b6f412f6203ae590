-- Quality signals over time
-- How often each type was observed as true and as false in each interval of `step` seconds.
SELECT
    toStartOfInterval(recorded_at, toIntervalSecond({step:UInt32})) AS time,
    signal_type,
    countIf(value) AS true_count,
    countIf(NOT value) AS false_count
FROM quality_signals
WHERE ${scope}
  AND ${recorded}
  AND ${tool}
  AND ({signal_type:String} = '' OR signal_type = {signal_type:String})
GROUP BY time, signal_type
ORDER BY time, signal_type
