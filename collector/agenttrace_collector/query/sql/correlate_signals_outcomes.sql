-- Outcomes of runs with and without a signal
-- In which share of the runs with a signal the outcome was the wanted one (success by default), and in those
-- without it; a run has a signal where it was observed as true at least once. The time range selects runs by their
-- start.
WITH
    ${statistics},
    if({outcome:String} = '', 'success', {outcome:String}) AS wanted,
    ${counted_from},
    ${apart_since},
    ${apart},
    -- Of each run which signals were true, and how often, after an empty key for the run itself.
    found AS
    (
        SELECT
            status,
            arrayPushFront(signal_keys, '') AS keys,
            arrayPushFront(arrayMap(
                (recorded, derived) -> ${times_of}, signal_recorded_true, signal_derived_true
            ), 1) AS counts
        FROM run_facts FINAL
        WHERE ${own}
          AND ${covered}
        UNION ALL
        SELECT status, arrayPushFront(observed.1, ''), arrayPushFront(observed.2, 1)
        FROM apart
        LEFT JOIN
        (
            SELECT run_id, groupArray((key, times)) AS observed
            FROM
            (
                SELECT run_id, concat(signal_type, '/', signal_code) AS key, count() AS times
                FROM quality_signals
                WHERE ${scope}
                  AND value
                  AND ${stated_apart}
                GROUP BY run_id, key
            )
            GROUP BY run_id
        ) AS signals USING (run_id)
        WHERE ${own}
    ),
    grouped AS
    (
        SELECT
            key,
            sum(times) AS total_occurrences,
            toFloat64(count()) AS m,
            toFloat64(countIf(status = wanted)) AS a
        FROM found
        ARRAY JOIN keys AS key, counts AS times
        WHERE times > 0
        GROUP BY key
    ),
    (SELECT groupArray((key, total_occurrences, m, a)) FROM grouped) AS grouped_rows,
    by_key AS
    (
        SELECT
            each.1 AS key, each.2 AS total_occurrences, each.3 AS m, each.4 AS a
        FROM (SELECT arrayJoin(grouped_rows) AS each)
    ),
    ${with_and_without},
    ${tested}
SELECT
    ${type_of_key} AS signal_type, ${code_of_key} AS signal_code, total_occurrences,
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
