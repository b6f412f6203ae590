-- Decisions and the failures that came after them
-- In which share of the runs with a reason a failure came after it (`correlation_rate`), beside any failure in
-- whatever order. The difference and its test set runs with the reason against runs without it, failures in
-- any order in both: a run without the decision has no moment after which to look. The time range selects runs by
-- their start.
WITH
    ${statistics},
    ${counted_from},
    ${apart_since},
    ${apart},
    -- Of each run what it decided, how often and first when (ns), after an empty key for the run itself; and what
    -- types of failures it had, and last when.
    found AS
    (
        SELECT
            arrayPushFront(decision_keys, '') AS keys,
            arrayPushFront(arrayMap((recorded, derived) -> ${times_of}, decision_recorded, decision_derived), 1) AS counts,
            arrayPushFront(arrayMap(
                (recorded, derived, first, other) -> multiIf(
                    {source:String} = 'derived' OR recorded = 0, other,
                    {source:String} = 'recorded' OR derived = 0, first,
                    least(first, other)
                ),
                decision_recorded, decision_derived, decision_first_recorded, decision_first_derived
            ), 0) AS firsts,
            arrayFilter(
                each -> {failure_type:String} = '' OR each.1 = {failure_type:String},
                arrayMap((key, last) -> (substring(key, 1, position(key, '/') - 1), last), failure_keys, failure_last)
            ) AS happened
        FROM run_facts FINAL
        WHERE ${own}
          AND ${covered}
        UNION ALL
        SELECT arrayPushFront(decided.1, ''), arrayPushFront(decided.2, 1), arrayPushFront(decided.3, 0), happened
        FROM apart
        LEFT JOIN
        (
            SELECT run_id, groupArray((key, times, first)) AS decided
            FROM
            (
                SELECT
                    run_id, concat(decision_type, '/', reason_code) AS key, count() AS times,
                    toUnixTimestamp64Nano(min(recorded_at)) AS first
                FROM decisions
                WHERE ${scope}
                  AND ${stated_apart}
                GROUP BY run_id, key
            )
            GROUP BY run_id
        ) AS deciding USING (run_id)
        LEFT JOIN
        (
            SELECT run_id, groupArray((toString(failure_type), toUnixTimestamp64Nano(occurred_at))) AS happened
            FROM failures
            WHERE tenant = {tenant:String}
              AND ({failure_type:String} = '' OR failure_type = {failure_type:String})
              AND (occurred_at >= apart_since OR occurred_at < counted_from + INTERVAL 1 DAY)
              AND run_id GLOBAL IN (
                ${uncovered}
              )
            GROUP BY run_id
        ) AS failed USING (run_id)
        WHERE ${own}
    ),
    grouped AS
    (
        SELECT
            key,
            sum(times) AS total_occurrences,
            toFloat64(count()) AS m,
            toFloat64(countIf(notEmpty(happened))) AS a,
            toFloat64(countIf(notEmpty(types))) AS k,
            sumMap(types, arrayMap(each -> toUInt64(1), types)) AS by_type
        FROM
        (
            SELECT
                key, times, happened,
                arrayDistinct(arrayMap(each -> each.1, arrayFilter(each -> each.2 > first, happened))) AS types
            FROM found
            ARRAY JOIN keys AS key, counts AS times, firsts AS first
            WHERE times > 0
        )
        GROUP BY key
    ),
    (SELECT groupArray((key, total_occurrences, m, a, k, by_type)) FROM grouped) AS grouped_rows,
    by_key AS
    (
        SELECT
            each.1 AS key, each.2 AS total_occurrences, each.3 AS m, each.4 AS a, each.5 AS k, each.6 AS by_type
        FROM (SELECT arrayJoin(grouped_rows) AS each)
    ),
    ${with_and_without},
    ${tested}
SELECT
    ${type_of_key} AS decision_type, ${code_of_key} AS reason_code, total_occurrences, toUInt64(m) AS runs,
    toUInt64(k) AS runs_with_failures, share(k, m) AS correlation_rate,
    wilson_low(k, m) AS correlation_rate_low, wilson_high(k, m) AS correlation_rate_high,
    toUInt64(a) AS runs_with_failures_in_any_order, rate_a AS rate_in_any_order,
    toUInt64(n) AS runs_without, toUInt64(b) AS runs_without_with_failures, rate_b AS rate_without,
    CAST((by_type.1, by_type.2), 'Map(String, UInt64)') AS associated_failure_types,
    ${findings}
FROM placed
ORDER BY decision_type, reason_code
