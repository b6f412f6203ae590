-- Decisions of two versions
-- How often each reason was stated by either version, in which share of its runs, and by how much the second
-- version differs from the first. The test is of runs, since decisions of one run are not independent. The time
-- range selects runs by their start.
WITH
    ${statistics},
    ${counted_from},
    ${apart_since},
    ${apart},
    -- Of each run what it decided and how often, after an empty key for the run itself.
    found AS
    (
        SELECT
            agent_version AS version,
            arrayPushFront(decision_keys, '') AS keys,
            arrayPushFront(arrayMap((recorded, derived) -> ${times_of}, decision_recorded, decision_derived), 1) AS counts
        FROM run_facts FINAL
        WHERE ${of_versions}
          AND ${covered}
        UNION ALL
        SELECT agent_version, arrayPushFront(decided.1, ''), arrayPushFront(decided.2, 1)
        FROM apart
        LEFT JOIN
        (
            SELECT run_id, groupArray((key, times)) AS decided
            FROM
            (
                SELECT run_id, concat(decision_type, '/', reason_code) AS key, count() AS times
                FROM decisions
                WHERE tenant = {tenant:String}
                  AND agent_id = {agent_id:String}
                  AND ${stated_apart}
                GROUP BY run_id, key
            )
            GROUP BY run_id
        ) AS deciding USING (run_id)
        WHERE ${of_versions}
    ),
    grouped AS
    (
        SELECT
            key,
            sumIf(times, version = {version_a:String}) AS version_a_count,
            sumIf(times, version = {version_b:String}) AS version_b_count,
            toFloat64(countIf(version = {version_b:String})) AS a,
            toFloat64(countIf(version = {version_a:String})) AS b
        FROM found
        ARRAY JOIN keys AS key, counts AS times
        WHERE times > 0
        GROUP BY key
    ),
    (SELECT groupArray((key, version_a_count, version_b_count, a, b)) FROM grouped) AS grouped_rows,
    by_key AS
    (
        SELECT
            each.1 AS key, each.2 AS version_a_count, each.3 AS version_b_count, each.4 AS a, each.5 AS b
        FROM (SELECT arrayJoin(grouped_rows) AS each)
    ),
    ${version_counts},
    ${tested}
SELECT
    ${type_of_key} AS decision_type, ${code_of_key} AS reason_code, version_a_count, version_b_count,
    if(version_a_count = 0, NULL, round(100 * (toInt64(version_b_count) - toInt64(version_a_count)) / version_a_count, 4))
        AS delta_percentage,
    ${version_rates},
    ${findings}
FROM placed
ORDER BY decision_type, reason_code
