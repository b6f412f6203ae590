-- Runs over time
-- How many runs began in each interval of `step` seconds, by how they ended.
SELECT
    toStartOfInterval(started_at, toIntervalSecond({step:UInt32})) AS time,
    count() AS runs,
    countIf(status = 'success') AS successful,
    countIf(status = 'failure') AS failed,
    countIf(status = 'partial') AS partial
FROM ${heads}
WHERE ${scope}
  AND ${started}
  AND ${tool}
GROUP BY time
ORDER BY time
