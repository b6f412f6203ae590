-- Quality signals of two versions
-- In which share of its occurrences each code was true, by version; in which share of all runs of a version it
-- was observed as true at least once, and by how much the second version differs from the first in that. The time
-- range selects runs by their start.
WITH
    ${statistics},
    ${counted_from},
    ${apart_since},
    ${apart},
    -- Of each run which signals were observed, how often, and how often as true, after an empty key for the run itself.
    found AS
    (
        SELECT
            agent_version AS version,
            arrayPushFront(signal_keys, '') AS keys,
            arrayPushFront(arrayMap((recorded, derived) -> ${times_of}, signal_recorded, signal_derived), 1) AS counts,
            arrayPushFront(arrayMap(
                (recorded, derived) -> ${times_of}, signal_recorded_true, signal_derived_true
            ), 1) AS truths
        FROM run_facts FINAL
        WHERE ${of_versions}
          AND ${covered}
        UNION ALL
        SELECT
            agent_version, arrayPushFront(observed.1, ''), arrayPushFront(observed.2, 1), arrayPushFront(observed.3, 1)
        FROM apart
        LEFT JOIN
        (
            SELECT run_id, groupArray((key, times, true_times)) AS observed
            FROM
            (
                SELECT
                    run_id, concat(signal_type, '/', signal_code) AS key, count() AS times, countIf(value) AS true_times
                FROM quality_signals
                WHERE tenant = {tenant:String}
                  AND agent_id = {agent_id:String}
                  AND ${stated_apart}
                GROUP BY run_id, key
            )
            GROUP BY run_id
        ) AS signals USING (run_id)
        WHERE ${of_versions}
    ),
    grouped AS
    (
        SELECT
            key,
            sumIf(times, version = {version_a:String}) AS version_a_count,
            sumIf(times, version = {version_b:String}) AS version_b_count,
            sumIf(true_times, version = {version_a:String}) AS version_a_true,
            sumIf(true_times, version = {version_b:String}) AS version_b_true,
            toFloat64(countIf(true_times > 0 AND version = {version_b:String})) AS a,
            toFloat64(countIf(true_times > 0 AND version = {version_a:String})) AS b
        FROM found
        ARRAY JOIN keys AS key, counts AS times, truths AS true_times
        WHERE times > 0
        GROUP BY key
    ),
    (SELECT groupArray((key, version_a_count, version_b_count, version_a_true, version_b_true, a, b)) FROM grouped) AS grouped_rows,
    by_key AS
    (
        SELECT
            each.1 AS key, each.2 AS version_a_count, each.3 AS version_b_count, each.4 AS version_a_true, each.5 AS version_b_true, each.6 AS a, each.7 AS b
        FROM (SELECT arrayJoin(grouped_rows) AS each)
    ),
    ${version_counts},
    ${tested}
SELECT
    ${type_of_key} AS signal_type, ${code_of_key} AS signal_code, version_a_count, version_b_count,
    share(version_a_true, version_a_count) AS version_a_true_rate,
    share(version_b_true, version_b_count) AS version_b_true_rate,
    version_b_true_rate - version_a_true_rate AS delta,
    ${version_rates},
    ${findings}
FROM placed
ORDER BY signal_type, signal_code
