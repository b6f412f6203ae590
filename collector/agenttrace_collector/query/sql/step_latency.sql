-- Latency of steps
-- Of each kind of call: how many there were, how many ended in error, and quantiles of their milliseconds.
SELECT
    step_type,
    name,
    count() AS steps,
    countIf(status = 'error') AS errors,
    quantileExact(0.5)(latency_ms) AS p50_ms,
    quantileExact(0.95)(latency_ms) AS p95_ms,
    quantileExact(0.99)(latency_ms) AS p99_ms,
    max(latency_ms) AS max_ms
FROM steps
WHERE ${scope}
  AND role = 'leaf'
  AND ${started}
  AND ${tool}
GROUP BY step_type, name
ORDER BY steps DESC, step_type, name
