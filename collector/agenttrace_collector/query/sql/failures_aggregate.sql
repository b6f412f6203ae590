-- Failures by type and code
-- How often each occurred in the runs that began in a range of time, in how many of them, and how many are derived
-- from steps. Runs that are not settled or not counted add their failures of that range.
WITH
    ${counted_from},
    ${apart_since},
    found AS
    (
        SELECT
            ${type_of_key} AS failure_type, ${code_of_key} AS failure_code, sum(n) AS times, count() AS runs,
            sum(if({source:String} = 'recorded', 0, derived)) AS from_steps
        FROM
        (
            SELECT key, derived, ${times_of} AS n
            FROM run_facts FINAL
            ARRAY JOIN failure_keys AS key, failure_recorded AS recorded, failure_derived AS derived
            WHERE ${own}
              AND ${covered}
              AND ({failure_type:String} = '' OR startsWith(key, concat({failure_type:String}, '/')))
        )
        WHERE n > 0
        GROUP BY key
        UNION ALL
        SELECT
            toString(failure_type), toString(failure_code), count(), uniqExact(run_id), countIf(source = 'derived')
        FROM failures
        WHERE ${scope}
          AND ({source:String} = '' OR source = {source:String})
          AND ({failure_type:String} = '' OR failure_type = {failure_type:String})
          AND occurred_at >= {start_time:DateTime64(6, 'UTC')} AND occurred_at < {end_time:DateTime64(6, 'UTC')}
          AND ${tool}
          AND ${failures_apart}
        GROUP BY failure_type, failure_code
    )
SELECT
    failure_type, failure_code, sum(times) AS count, sum(found.runs) AS runs, sum(from_steps) AS derived
FROM found
GROUP BY failure_type, failure_code
ORDER BY count DESC, failure_type, failure_code
