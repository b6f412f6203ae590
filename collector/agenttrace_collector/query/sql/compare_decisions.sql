-- Decisions of two versions
-- How often each reason was stated by either version, in which share of its runs, and by how much the second
-- version differs from the first. The test is of runs, since decisions of one run are not independent.
WITH
    ${statistics},
    ${two_versions},
    counted AS
    (
        SELECT
            decision_type,
            reason_code,
            countIf(version = {version_a:String}) AS version_a_count,
            countIf(version = {version_b:String}) AS version_b_count,
            toFloat64(uniqExactIf(run_id, version = {version_b:String})) AS a,
            toFloat64(uniqExactIf(run_id, version = {version_a:String})) AS b,
            m, n
        FROM decisions
        INNER JOIN chosen USING (run_id)
        WHERE tenant = {tenant:String}
          AND agent_id = {agent_id:String}
          AND ({source:String} = '' OR source = {source:String})
        GROUP BY decision_type, reason_code
    ),
    ${tested}
SELECT
    decision_type, reason_code, version_a_count, version_b_count,
    if(version_a_count = 0, NULL, round(100 * (toInt64(version_b_count) - toInt64(version_a_count)) / version_a_count, 4))
        AS delta_percentage,
    ${version_rates},
    ${findings}
FROM placed
ORDER BY decision_type, reason_code
