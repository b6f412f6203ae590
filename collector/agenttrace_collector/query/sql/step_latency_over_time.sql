-- Latency over time
-- Quantiles of the milliseconds of steps in each interval of `step` seconds, by step type.
SELECT
    toStartOfInterval(started_at, toIntervalSecond({step:UInt32})) AS time,
    step_type,
    count() AS steps,
    quantileExact(0.5)(latency_ms) AS p50_ms,
    quantileExact(0.95)(latency_ms) AS p95_ms
FROM steps
WHERE ${scope}
  AND role = 'leaf'
  AND ${started}
  AND ${tool}
GROUP BY time, step_type
ORDER BY time, step_type
