-- Decisions and the failures that came after them
-- In which share of the runs with a reason a failure came after it (`correlation_rate`), beside any failure in
-- whatever order. The difference and its test set runs with the reason against runs without it, failures in
-- any order in both: a run without the decision has no moment after which to look.
WITH
    ${statistics},
    ${population},
    deciding AS
    (
        SELECT run_id, decision_type, reason_code, count() AS occurrences, min(recorded_at) AS first
        FROM decisions
        WHERE ${scope}
          AND ({source:String} = '' OR source = {source:String})
          AND run_id IN (SELECT run_id FROM population)
        GROUP BY run_id, decision_type, reason_code
    ),
    failed AS
    (
        SELECT run_id, groupArray((toString(failure_type), occurred_at)) AS happened
        FROM failures
        WHERE tenant = {tenant:String}
          AND ({failure_type:String} = '' OR failure_type = {failure_type:String})
          AND run_id IN (SELECT run_id FROM population)
        GROUP BY run_id
    ),
    toFloat64(assumeNotNull((SELECT count() FROM population))) AS all_runs,
    toFloat64(assumeNotNull((SELECT count() FROM failed))) AS all_failed,
    counted AS
    (
        SELECT
            decision_type,
            reason_code,
            sum(occurrences) AS total_occurrences,
            toFloat64(count()) AS m,
            toFloat64(countIf(notEmpty(happened))) AS a,
            all_runs - m AS n,
            all_failed - a AS b,
            toFloat64(countIf(notEmpty(types))) AS k,
            sumMap(types, arrayMap(each -> toUInt64(1), types)) AS by_type
        FROM
        (
            SELECT
                decision_type, reason_code, occurrences, happened,
                arrayDistinct(arrayMap(each -> each.1, arrayFilter(each -> each.2 > first, happened))) AS types
            FROM deciding
            LEFT JOIN failed USING (run_id)
        )
        GROUP BY decision_type, reason_code
    ),
    ${tested}
SELECT
    decision_type, reason_code, total_occurrences, toUInt64(m) AS runs,
    toUInt64(k) AS runs_with_failures, share(k, m) AS correlation_rate,
    wilson_low(k, m) AS correlation_rate_low, wilson_high(k, m) AS correlation_rate_high,
    toUInt64(a) AS runs_with_failures_in_any_order, rate_a AS rate_in_any_order,
    toUInt64(n) AS runs_without, toUInt64(b) AS runs_without_with_failures, rate_b AS rate_without,
    CAST((by_type.1, by_type.2), 'Map(String, UInt64)') AS associated_failure_types,
    ${findings}
FROM placed
ORDER BY decision_type, reason_code
