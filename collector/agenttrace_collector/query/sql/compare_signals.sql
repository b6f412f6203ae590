-- Quality signals of two versions
-- In which share of its occurrences each code was true, by version; in which share of all runs of a version it
-- was observed as true at least once, and by how much the second version differs from the first in that.
WITH
    ${statistics},
    ${two_versions},
    counted AS
    (
        SELECT
            signal_type,
            signal_code,
            countIf(version = {version_a:String}) AS version_a_count,
            countIf(version = {version_b:String}) AS version_b_count,
            countIf(value AND version = {version_a:String}) AS version_a_true,
            countIf(value AND version = {version_b:String}) AS version_b_true,
            toFloat64(uniqExactIf(run_id, value AND version = {version_b:String})) AS a,
            toFloat64(uniqExactIf(run_id, value AND version = {version_a:String})) AS b,
            m, n
        FROM quality_signals
        INNER JOIN chosen USING (run_id)
        WHERE tenant = {tenant:String}
          AND agent_id = {agent_id:String}
          AND ({source:String} = '' OR source = {source:String})
        GROUP BY signal_type, signal_code
    ),
    ${tested}
SELECT
    signal_type, signal_code, version_a_count, version_b_count,
    share(version_a_true, version_a_count) AS version_a_true_rate,
    share(version_b_true, version_b_count) AS version_b_true_rate,
    version_b_true_rate - version_a_true_rate AS delta,
    ${version_rates},
    ${findings}
FROM placed
ORDER BY signal_type, signal_code
