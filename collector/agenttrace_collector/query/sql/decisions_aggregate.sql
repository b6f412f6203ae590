-- Decisions by type and reason
-- How often each reason was stated in the runs that began in a range of time, in how many of them, by which versions.
-- Runs that are not settled or not counted add their decisions of that range.
WITH
    ${counted_from},
    ${apart_since},
    found AS
    (
        SELECT
            ${type_of_key} AS decision_type,
            ${code_of_key} AS reason_code,
            sum(n) AS times,
            count() AS runs,
            sum(if({source:String} = 'derived', 0, confidences)) AS stated,
            sum(if({source:String} = 'derived', 0, total)) AS confidence,
            groupUniqArray(agent_version) AS versions
        FROM
        (
            SELECT
                agent_version, key, confidences, total,
                ${times_of} AS n
            FROM run_facts FINAL
            ARRAY JOIN
                decision_keys AS key, decision_recorded AS recorded, decision_derived AS derived,
                decision_confidences AS confidences, decision_confidence_sums AS total
            WHERE ${own}
              AND ${covered}
              AND ({decision_type:String} = '' OR startsWith(key, concat({decision_type:String}, '/')))
        )
        WHERE n > 0
        GROUP BY key
        UNION ALL
        SELECT
            toString(decision_type), toString(reason_code), count(), uniqExact(run_id),
            count(confidence), ifNull(sum(confidence), 0), groupUniqArray(agent_version)
        FROM decisions
        WHERE ${scope}
          AND ${recorded}
          AND ${tool}
          AND ({decision_type:String} = '' OR decision_type = {decision_type:String})
          AND ${decisions_apart}
        GROUP BY decision_type, reason_code
    )
SELECT
    decision_type,
    reason_code,
    sum(times) AS count,
    if(sum(stated) = 0, NULL, sum(confidence) / sum(stated)) AS avg_confidence,
    arraySort(groupUniqArrayArray(versions)) AS agent_versions,
    sum(found.runs) AS runs
FROM found
GROUP BY decision_type, reason_code
ORDER BY decision_type, reason_code
