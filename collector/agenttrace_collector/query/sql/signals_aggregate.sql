-- Quality signals by type and code
-- How often each code was observed as true and as false in the runs that began in a range of time; of the runs in
-- which it was observed, the share in which it was true, with Wilson's interval at 95 %. Runs that are not settled or
-- not counted add their signals of that range.
WITH
    ${statistics},
    ${counted_from},
    ${apart_since},
    found AS
    (
        SELECT
            ${type_of_key} AS signal_type,
            ${code_of_key} AS signal_code,
            sum(times) AS observed,
            sum(true_times) AS truths,
            count() AS runs,
            countIf(true_times > 0) AS true_runs
        FROM
        (
            SELECT key, counted_times.1 AS times, counted_times.2 AS true_times
            FROM
            (
                SELECT
                    signal_keys,
                    arrayMap((recorded, derived) -> ${times_of}, signal_recorded, signal_derived) AS counts,
                    arrayMap((recorded, derived) -> ${times_of}, signal_recorded_true, signal_derived_true) AS truths
                FROM run_facts FINAL
                WHERE ${own}
                  AND ${covered}
            )
            ARRAY JOIN signal_keys AS key, arrayZip(counts, truths) AS counted_times
        )
        WHERE times > 0
          AND ({signal_type:String} = '' OR startsWith(key, concat({signal_type:String}, '/')))
        GROUP BY key
        UNION ALL
        SELECT
            toString(signal_type), toString(signal_code), count(), countIf(value), uniqExact(run_id),
            uniqExactIf(run_id, value)
        FROM quality_signals
        WHERE ${scope}
          AND ${recorded}
          AND ${tool}
          AND ({signal_type:String} = '' OR signal_type = {signal_type:String})
          AND ${signals_apart}
        GROUP BY signal_type, signal_code
    ),
    counted AS
    (
        SELECT
            signal_type,
            signal_code,
            sum(truths) AS true_count,
            sum(observed) - true_count AS false_count,
            toFloat64(sum(runs)) AS n,
            toFloat64(sum(true_runs)) AS k
        FROM found
        GROUP BY signal_type, signal_code
    )
SELECT
    signal_type, signal_code, true_count, false_count,
    round(100 * true_count / (true_count + false_count), 4) AS true_percentage,
    toUInt64(n) AS runs, toUInt64(k) AS runs_with_true, share(k, n) AS run_rate,
    wilson_low(k, n) AS run_rate_low, wilson_high(k, n) AS run_rate_high
FROM counted
ORDER BY signal_type, signal_code
