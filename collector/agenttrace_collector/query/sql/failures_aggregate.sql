-- Failures by type and code
-- How often each occurred in a range of time, in how many runs, and how many of them are derived from steps.
SELECT
    failure_type, failure_code, count() AS count, uniqExact(run_id) AS runs, countIf(source = 'derived') AS derived
FROM failures
WHERE ${scope}
  AND ({source:String} = '' OR source = {source:String})
  AND ({failure_type:String} = '' OR failure_type = {failure_type:String})
  AND occurred_at >= {start_time:DateTime64(6, 'UTC')} AND occurred_at < {end_time:DateTime64(6, 'UTC')}
  AND ${tool}
GROUP BY failure_type, failure_code
ORDER BY count DESC, failure_type, failure_code
