-- Quality signals by type and code
-- How often each code was observed as true and as false in a range of time; of the runs in which it was
-- observed, the share in which it was true, with Wilson's interval at 95 %.
WITH
    ${statistics},
    counted AS
    (
        SELECT
            signal_type,
            signal_code,
            countIf(value) AS true_count,
            countIf(NOT value) AS false_count,
            toFloat64(uniqExact(run_id)) AS n,
            toFloat64(uniqExactIf(run_id, value)) AS k
        FROM quality_signals
        WHERE ${scope}
          AND ${recorded}
          AND ${tool}
          AND ({signal_type:String} = '' OR signal_type = {signal_type:String})
        GROUP BY signal_type, signal_code
    )
SELECT
    signal_type, signal_code, true_count, false_count,
    round(100 * true_count / (true_count + false_count), 4) AS true_percentage,
    toUInt64(n) AS runs, toUInt64(k) AS runs_with_true, share(k, n) AS run_rate,
    wilson_low(k, n) AS run_rate_low, wilson_high(k, n) AS run_rate_high
FROM counted
ORDER BY signal_type, signal_code
