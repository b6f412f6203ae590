-- Outcomes of runs with and without a signal
-- In which share of the runs with a signal the outcome was the wanted one (success by default), and in those
-- without it; a run has a signal where it was observed as true at least once.
WITH
    ${statistics},
    if({outcome:String} = '', 'success', {outcome:String}) AS wanted,
    ${population},
    (SELECT (count(), countIf(status = wanted)) FROM population) AS all_runs,
    observed AS
    (
        SELECT run_id, signal_type, signal_code, count() AS occurrences
        FROM quality_signals
        WHERE ${scope}
          AND value
          AND ({source:String} = '' OR source = {source:String})
          AND run_id IN (SELECT run_id FROM population)
        GROUP BY run_id, signal_type, signal_code
    ),
    counted AS
    (
        SELECT
            signal_type,
            signal_code,
            sum(occurrences) AS total_occurrences,
            toFloat64(count()) AS m,
            toFloat64(countIf(status = wanted)) AS a,
            toFloat64(assumeNotNull(all_runs.1)) - m AS n,
            toFloat64(assumeNotNull(all_runs.2)) - a AS b
        FROM observed
        INNER JOIN population USING (run_id)
        GROUP BY signal_type, signal_code
    ),
    ${tested}
SELECT
    signal_type, signal_code, total_occurrences,
    toUInt64(m) AS runs_present, toUInt64(n) AS runs_absent,
    toUInt64(a) AS outcome_present, toUInt64(b) AS outcome_absent,
    rate_a AS success_rate_when_present,
    low_a AS success_rate_when_present_low, high_a AS success_rate_when_present_high,
    rate_b AS success_rate_when_absent,
    low_b AS success_rate_when_absent_low, high_b AS success_rate_when_absent_high,
    effect_size AS correlation_strength,
    ${findings}
FROM placed
ORDER BY signal_type, signal_code
